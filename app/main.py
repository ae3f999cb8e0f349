"""What Streamlit runs: the pages and what they share. `blendgan explore` starts it, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # in the wheel `app` lies inside a package of ours

import streamlit as st  # noqa: E402

from app.engine import settled  # noqa: E402
from app.fields import run_finished  # noqa: E402
from app.screens import compare, explore, models, networks, photo, sheet  # noqa: E402

PAGES = [
    st.Page(explore.page, title="Explore", default=True),
    st.Page(photo.page, title="Photo", url_path="photo"),
    st.Page(sheet.page, title="Sheet", url_path="sheet"),
    st.Page(compare.page, title="Compare", url_path="compare"),
    st.Page(networks.page, title="Networks", url_path="networks"),
    st.Page(models.page, title="Models", url_path="models"),
]

st.set_page_config(page_title="blendgan", layout="wide")
st.html(f"<style>{(Path(__file__).resolve().parent / 'page.css').read_text(encoding='utf-8')}</style>")
page = st.navigation(PAGES, position="top")
page.run()
run_finished()
settled(page.title)
