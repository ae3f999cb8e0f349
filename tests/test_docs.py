"""What the documents name is there: links, modules, commands, extras."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blendgan.cli.main import COMMANDS
from stylegan2 import checkpoints
from stylegan2.config import GeneratorConfig

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


@pytest.mark.parametrize(
    "document",
    sorted([README, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_lead_somewhere(document):
    lost = [
        target
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not lost


def test_every_place_in_the_map_is_there():
    places = re.findall(r"^    (\w+)/ ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(places) >= 6
    assert not [place for place in places if not (ROOT / place).is_dir()]


def test_every_module_in_the_table_is_there_and_none_is_left_out():
    named = set()
    for row in re.findall(r"^\| (`.+?) \|", ARCHITECTURE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        places = re.findall(r"`([\w./]+)`", row)
        folder = places[0].rpartition("/")[0] if places else ""
        named |= {place if "/" in place else f"{folder}/{place}" for place in places if place.endswith((".py", "/"))}
    assert not [place for place in named if not (ROOT / place).exists()]
    modules = {
        f"{p}/{file.name}"
        for p in ("stylegan2", "projector", "blendgan", "app")
        for file in (ROOT / p).glob("[!_]*.py")
    }
    assert not {module for module in modules if module not in named and f"{Path(module).parent}/" not in named}


def test_the_readme_has_every_command():
    assert set(re.findall(r"^\| `blendgan ([\w-]+)", README.read_text(encoding="utf-8"), flags=re.MULTILINE)) == set(
        COMMANDS
    )


def test_the_readme_says_the_two_commands():
    text = README.read_text(encoding="utf-8")
    assert "\n    pip install . && blendgan sample photo.jpg && blendgan toonify photo.jpg\n" in text
    assert "\n    pip install '.[dev]' && pytest\n" in text


def test_every_tensor_name_is_in_the_list():
    text = ARCHITECTURE.read_text(encoding="utf-8")
    config = GeneratorConfig(8, (4, 4), num_classes=2, architecture="resnet", mapping_layers=1)
    for name in checkpoints.expected_shapes(config):
        last = name.split(".")[-1]
        assert f".{last}`" in text, name
