"""What a command imports before it has work to do, seen from outside: whole processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from blendgan.cli import dni, main, tune
from blendgan.inspection import describe_model

HEAVY = ("torch", "numpy", "PIL", "pydantic", "rich", "safetensors", "scipy", "streamlit", "yaml")
PROGRAM = """
import sys
from blendgan.cli.main import run
for words in {lines!r}:
    assert run(words) == 0, words
    found = sorted(set({heavy!r}) & set(sys.modules))
    if found:
        sys.exit(f"{{' '.join(words)}} imports {{', '.join(found)}}")
"""


def run_lightly(*lines: list[str]) -> str:
    """Run command lines one after the other in a new process; it fails where one imports what is heavy."""
    program = PROGRAM.format(lines=list(lines), heavy=HEAVY)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_help_imports_nothing_heavy():
    out = run_lightly(["--version"], ["--help"], *([name, "--help"] for name in main.COMMANDS))
    run_lightly(*(["dni", name, "--help"] for name in dni.COMMANDS))
    run_lightly(*(["tune", name, "--help"] for name in tune.COMMANDS))
    assert all(f"Usage: blendgan {name} " in out for name in main.COMMANDS)


def test_a_file_of_ours_is_described_without_torch(tmp_path, pico):
    path = tmp_path / "model.safetensors"
    pico().save(path)
    found = json.loads(run_lightly(["inspect", str(path), "--json"]))
    expected = describe_model(pico())  # the tensors themselves, hashed by torch's memory
    assert {**expected, "file": str(path), "format": "safetensors"} == {**found, "also says": expected["also says"]}


def test_a_shipped_model_by_name():
    run_lightly(["inspect", "portraits", "--json"], ["inspect", "paintings", "--json"])


def test_heavy_imports_would_be_seen():
    with pytest.raises(AssertionError, match=r"inspect portraits paintings imports .*torch"):
        run_lightly(["inspect", "portraits", "paintings"])


@pytest.mark.parametrize("name", ["blendgan", "stylegan2", "stylegan2.checkpoints", "blendgan.inspection"])
def test_importing_a_package_imports_nothing_heavy(name):
    program = f"import sys, {name}; sys.exit(', '.join(set({HEAVY!r}) & set(sys.modules)) or 0)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent
    )
    assert ended.returncode == 0, ended.stderr
