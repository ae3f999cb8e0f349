"""The shape of the tree: which package may import which, what a module may hold, what the public names are."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("stylegan2", "projector", "blendgan", "app")  # each may import itself and those before it
SOURCES = sorted(file for package in ORDER for file in (ROOT / package).rglob("*.py"))

LEAVES = {  # module → what of ours it may import
    "stylegan2/errors.py": set(),
    "stylegan2/config.py": {"stylegan2.errors"},
    "stylegan2/checkpoints/index.py": {"stylegan2.errors"},
    "stylegan2/checkpoints/window.py": {"stylegan2.errors"},
    "stylegan2/ops/reference.py": {"stylegan2.errors"},
    "blendgan/schedule.py": {"stylegan2.errors"},
    "blendgan/channels.py": {"stylegan2.errors"},
    "blendgan/feature_maps.py": {"stylegan2.config", "stylegan2.sites"},
    "projector/geometry.py": {"stylegan2.errors"},
}
NAMELESS = {"utils", "util", "helpers", "common", "misc"}
LONGEST_MODULE = 300  # lines; about 250 is the aim
MACHINE_PATH = re.compile(r"(?<![\w./~}-])/(?:root|home|Users|work|mnt|opt)/\w")
TEXT = {".py", ".md", ".toml", ".json", ".yaml", ".yml", ".txt", ".cu", ".cpp", ""}


def imported_modules(file: Path) -> set[str]:
    """Every module that a file imports, also inside functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{file}:{node.lineno}: imports are written out in full")
            found.add(node.module)
            found |= {
                f"{node.module}.{alias.name}" for alias in node.names if (ROOT / node.module.replace(".", "/")).is_dir()
            }
    return found


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", ORDER)
def test_imports_go_one_way(package):
    later = set(ORDER[ORDER.index(package) + 1 :])
    for file in (ROOT / package).rglob("*.py"):
        assert not later & packages(imported_modules(file)), relative(file)


def test_the_arrows_are_really_checked(tmp_path):
    hidden = tmp_path / "hidden.py"
    hidden.write_text("def f():\n    from blendgan.cli import main\n", encoding="utf-8")
    assert "blendgan" in packages(imported_modules(hidden))
    assert {relative(file) for file in SOURCES} >= {"stylegan2/config.py", "blendgan/cli/main.py"}


@pytest.mark.parametrize("leaf", LEAVES)
def test_leaves_import_nothing_of_ours(leaf):
    ours = {module for module in imported_modules(ROOT / leaf) if module.partition(".")[0] in ORDER}
    allowed = LEAVES[leaf]
    assert not {
        module
        for module in ours
        if not any(module in (ok, ok.rpartition(".")[0]) or module.startswith(ok) for ok in allowed)
    }


def test_checkpoints_import_no_network_code():
    networks = {
        "stylegan2.generator",
        "stylegan2.discriminator",
        "stylegan2.layers",
        "stylegan2.ops",
        "stylegan2.train",
    }
    for file in (ROOT / "stylegan2" / "checkpoints").rglob("*.py"):
        assert not networks & imported_modules(file), relative(file)


def test_every_module_has_a_name_that_says_something():
    assert not [relative(file) for file in SOURCES if file.stem in NAMELESS]


def test_modules_are_short():
    lengths = {relative(file): len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE}


def test_every_module_and_package_says_what_it_is():
    missing = [relative(file) for file in SOURCES if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))]
    assert not missing


def test_only_the_skins_print_or_exit():
    for file in SOURCES:
        if file.is_relative_to(ROOT / "blendgan" / "cli") or file.is_relative_to(ROOT / "app"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in {"print", "exit", "input"}), relative(file)
            assert not (isinstance(called, ast.Attribute) and ast.unparse(called) == "sys.exit"), relative(file)


def test_no_global_seed():
    assert not [relative(file) for file in SOURCES if "torch.manual_seed" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", ["stylegan2", "stylegan2.checkpoints", "blendgan", "projector"])
def test_public_names_are_complete_and_sorted(name):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert all(getattr(module, public) is not None for public in module.__all__)
    assert set(module.__all__) <= set(dir(module))
    lazy = set(getattr(module, "_LAZY", ())) | set(getattr(module, "_SUBMODULES", ()))
    assert lazy <= set(module.__all__)


def test_no_path_of_one_machine():
    tracked = [file for file in ROOT.rglob("*") if file.is_file() and file.suffix in TEXT and not _is_ignored(file)]
    found = {relative(file) for file in tracked if MACHINE_PATH.search(file.read_text(encoding="utf-8"))}
    assert not found


def _is_ignored(file: Path) -> bool:
    if any((folder / "pyvenv.cfg").exists() for folder in file.parents if folder.is_relative_to(ROOT)):
        return True  # somebody's virtual environment, whatever it is called
    parts = file.relative_to(ROOT).parts
    made = {"__pycache__", "build", "dist", "runs", "out"}
    return any(part in made or (part.startswith(".") and part != ".ci") for part in parts[:-1]) or parts[0] in {
        "data",
        ".git",
    }
