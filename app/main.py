"""What Streamlit runs: the pages and what they share. `blendgan explore` starts it, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # in the wheel `app` lies inside a package of ours

import streamlit as st  # noqa: E402

from app.screens import explore  # noqa: E402

st.set_page_config(page_title="blendgan", layout="wide")
st.html(f"<style>{(Path(__file__).resolve().parent / 'page.css').read_text(encoding='utf-8')}</style>")
st.navigation([st.Page(explore.page, title="Explore", url_path="explore", default=True)], position="top").run()
