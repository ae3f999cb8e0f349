"""The wiring of the command line: the table, exit codes, one-line errors, parsing of shared options."""

from __future__ import annotations

import ast
import errno
import importlib
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest

import blendgan
from blendgan.cli import main, options
from blendgan.cli.batch import for_each
from blendgan.cli.command_tables import module_of
from blendgan.cli.progress import with_bar
from stylegan2.errors import BlendganError, CheckpointError

LONGEST_BODY = 15  # lines: a command parses, calls one function, shows the result


@pytest.fixture
def run_raising(monkeypatch, capsys):
    """Run `blendgan fail`, whose body raises the given error; return (exit code, stdout, stderr)."""

    def run(error: BaseException, *arguments: str) -> tuple[int, str, str]:
        @click.command()
        @options.debug
        def fail() -> None:
            raise error

        monkeypatch.setattr(main.CommandTable, "get_command", lambda self, ctx, name: fail)
        code = main.run(arguments or ["fail"])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            CheckpointError("model.pkl: found an HTML page,\n expected a model"),
            "model.pkl: found an HTML page, expected a model",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "out.png"), "out.png: no space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "out.png"), "out.png: permission denied"),
        (MemoryError(), "out of memory; close other programs, or use a smaller model"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
            "out of memory; close other programs, or use a smaller model",
        ),
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA: tried to allocate 20 GiB"),  # torch's, without torch
            "out of memory; close other programs, or use a smaller model",
        ),
        (BlendganError(), "BlendganError"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_2(run_raising, error, line):
    assert run_raising(error) == (2, "", f"blendgan: {line}\n")


@pytest.mark.parametrize("arguments", [("--debug", "fail"), ("fail", "--debug")], ids=["group", "command"])
def test_debug_shows_the_traceback(run_raising, arguments):
    code, _, err = run_raising(CheckpointError("broken"), *arguments)
    assert code == 2
    assert "Traceback (most recent call last)" in err
    assert err.endswith("blendgan: broken\n")


def test_ctrl_c_is_130(run_raising):
    code, out, err = run_raising(KeyboardInterrupt())
    assert (code, out, err.strip()) == (130, "", "blendgan: interrupted")


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("shapes differ")])
def test_a_bug_of_ours_is_not_hidden(run_raising, error):
    with pytest.raises(type(error)):
        run_raising(error)


def test_a_bug_of_ours_exits_1_with_a_traceback():
    program = "import blendgan.cli.main as m; m.COMMANDS['nothing'] = ''; m.main()"
    ended = subprocess.run([sys.executable, "-c", program, "nothing"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "ModuleNotFoundError" in ended.stderr


def test_usage_errors_exit_2(capsys):
    assert main.run(["nonsense"]) == 2
    assert main.run(["sample", "--nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["dni"]], ids=["blendgan", "dni"])
def test_without_a_command_the_help_is_laid_out_and_exit_2(capsys, words):
    assert main.run([*words, "--help"]) == 0
    help_text = capsys.readouterr().out
    assert main.run(words) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", help_text)
    assert help_text.count("\n") > 10


def test_version(capsys):
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"blendgan, version {blendgan.__version__}\n"


def test_the_module_is_the_command():
    ended = subprocess.run([sys.executable, "-m", "blendgan", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"blendgan, version {blendgan.__version__}\n"


def test_help_lists_every_command(capsys):
    assert main.run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in main.COMMANDS)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_an_example_to_copy(name, capsys):
    assert main.run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"\n    blendgan {name}" in out
    assert "--debug" in out


@pytest.mark.parametrize("name", main.COMMANDS)
def test_a_command_is_a_short_function_in_its_own_module(name):
    module = module_of(name)
    command = getattr(importlib.import_module(f"blendgan.cli.{module}"), module)
    _, *body = ast.parse(textwrap.dedent(inspect.getsource(command.callback))).body[0].body  # without the docstring
    lines = [node.end_lineno - node.lineno + 1 for node in body if not isinstance(node, ast.ImportFrom)]
    assert isinstance(command, click.Command)
    assert sum(lines) <= LONGEST_BODY


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", (7,)), ("0-3", (0, 1, 2, 3)), ("0-2,50", (0, 1, 2, 50)), ("5, 3,3-5", (5, 3, 4))]
)
def test_seeds(text, seeds):
    assert options.Seeds().convert(text, None, None) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "'a' is no seed; expected numbers and ranges such as 0-35,50"),
        ("1,,2", "'' is no seed; expected numbers and ranges such as 0-35,50"),
        ("-1", "'-1' is no seed; expected numbers and ranges such as 0-35,50"),
        ("4294967296", "'4294967296' is no seed; expected numbers and ranges such as 0-35,50"),
        ("9-3", "'9-3' runs backwards; expected 3-9"),
    ],
)
def test_what_is_no_seed(text, message):
    with pytest.raises(click.BadParameter) as caught:
        options.Seeds().convert(text, None, None)
    assert caught.value.message == message


def test_a_seed_leaves_room_for_the_next(capsys):
    assert main.run(["project", "photo.jpg", "--seed", str(options.LARGEST_SEED)]) == 2
    assert "0<=x<=4294967294" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("toaster", "device: found 'toaster', expected auto, cpu, cuda, cuda:1 or mps"),
        ("cuda:99", "device: cuda:99 is not on this machine, or this PyTorch was built without it; try --device cpu"),
    ],
)
def test_a_device_that_is_not_there(name, line, capsys):
    assert main.run(["generate", "--device", name]) == 2
    assert capsys.readouterr().err == f"blendgan: {line}\n"


def _batch_command(items: list[str]) -> click.Command:
    def work(item: str) -> None:
        if item == "huge":
            raise MemoryError
        if item == "bug":
            raise ZeroDivisionError
        if item.startswith("bad"):
            raise CheckpointError(f"no {item}")
        click.echo(item)

    @click.command()
    def batch() -> None:
        for_each(items, work)

    return batch


@pytest.mark.parametrize(
    ("items", "code", "out", "err"),
    [
        (["a", "b"], 0, "a\nb\n", ""),
        (["a", "bad", "c"], 3, "a\nc\n", "blendgan: bad: no bad\nblendgan: 1 of 3 inputs failed\n"),
        (
            ["huge", "c"],
            3,
            "c\n",
            "blendgan: huge: out of memory; close other programs, or use a smaller model\n"
            "blendgan: 1 of 2 inputs failed\n",
        ),
        (["bad"], 2, "", "blendgan: no bad\n"),
    ],
)
def test_one_bad_input_does_not_stop_a_batch(monkeypatch, capsys, items, code, out, err):
    monkeypatch.setattr(main.CommandTable, "get_command", lambda self, ctx, name: _batch_command(items))
    assert main.run(["batch"]) == code
    assert capsys.readouterr() == (out, err)


def test_a_bug_of_ours_stops_a_batch(monkeypatch):
    monkeypatch.setattr(main.CommandTable, "get_command", lambda self, ctx, name: _batch_command(["bug", "a"]))
    with pytest.raises(ZeroDivisionError):
        main.run(["batch"])


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_passes_every_event_and_stays_out_of_logs(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert list(with_bar(iter("abc"), "spelling", total=3)) == ["a", "b", "c"]
    out, err = capsys.readouterr()
    assert (out, bool(err)) == ("", terminal)


def test_every_command_is_in_the_table():
    stems = {file.stem for file in Path(main.__file__).parent.glob("*.py")} - {"__init__"}
    modules = {stem: importlib.import_module(f"blendgan.cli.{stem}") for stem in stems}
    commands = {stem for stem in stems if isinstance(getattr(modules[stem], stem, None), click.Command)}
    assert commands == set(map(module_of, main.COMMANDS))
