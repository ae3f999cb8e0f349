"""Who watches a run, from the command line to the log: figures, blends, the anchor, and what they are refused for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from blendgan.cli import main
from stylegan2.checkpoints import load

PICO = "--resolution 16 --channel-base 128 --channel-max 8 --latent 8 --mapping-layers 2 --batch 4".split()
SHORT = "--kimg 0.016 --device cpu --quiet".split()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, write_pictures: Callable[[Path, int, int], Path]) -> Path:
    """A folder with pictures and a run of one snapshot, to transfer from."""
    folder: Path = tmp_path_factory.mktemp("watching")
    write_pictures(folder / "faces", 12, 16)
    assert train(folder, "base", *PICO) == 0
    return folder


def train(place: Path, outdir: str, *words: str) -> int:
    return main.run(["train", "--data", str(place / "faces"), "--outdir", str(place / outdir), *words, *SHORT])


def log_of(place: Path, outdir: str) -> list[dict]:
    return [json.loads(line) for line in (place / outdir / "log.jsonl").read_text().splitlines()]


def base_of(place: Path) -> list[str]:
    return ["--from", str(place / "base" / "network-snapshot-000000.safetensors"), "--batch", "4"]


def test_snapshots_tell_their_blends_and_how_far_they_have_moved(place) -> None:
    assert train(place, "seen", *base_of(place), "--preview-swap", "4,8", "--metric", "blend8_score") == 0
    (line,) = [line for line in log_of(place, "seen") if "watched" in line]
    names = {f"blend{swap}_{name}" for swap in (4, 8) for name in ("style", "distance", "score", "light")}
    assert names | {"b4_distance", "b8_distance", "b16_distance"} <= line["watched"].keys()
    assert (place / "seen" / "blends000000.png").exists()
    assert json.loads((place / "seen" / "best.json").read_text())["metric"] == "blend8_score"


def test_watching_changes_no_number_and_the_anchor_does(place) -> None:
    snapshots = {}
    for outdir, words in {
        "plain": [], "watched": ["--preview-swap", "8"], "anchored": ["--anchor", "3", "--anchor-swap", "4,8"],
    }.items():  # fmt: skip
        assert train(place, outdir, *base_of(place), *words) == 0
        snapshots[outdir] = load(place / outdir / "network-snapshot-000000.safetensors").tensors
    name = "raw.synthesis.b16.conv1.weight"
    assert torch.equal(snapshots["plain"][name], snapshots["watched"][name])
    assert not torch.equal(snapshots["plain"][name], snapshots["anchored"][name])
    assert all("loss_term" in line["losses"] for line in log_of(place, "anchored") if "losses" in line)


def test_a_resumed_transfer_still_knows_its_base(place) -> None:
    words = ["--anchor", "3", "--anchor-swap", "8", "--preview-swap", "8", "--resume", "auto"]
    assert train(place, "parts", *base_of(place), *words) == 0
    assert train(place, "parts", *base_of(place), *words, "--kimg", "0.02") == 0
    assert (place / "parts" / "base.safetensors").exists()
    assert train(place, "whole", *base_of(place), *words, "--kimg", "0.02") == 0
    parts, whole = (load(place / name / "network-snapshot-000000.safetensors").tensors for name in ("parts", "whole"))
    assert all(torch.equal(parts[name], whole[name]) for name in whole)


@pytest.mark.slow
def test_figures_of_a_discriminator_may_be_the_goal_by_their_short_name(place) -> None:
    assert train(place, "measured", *base_of(place), "--metrics", "dfd", "--metric", "dfd") == 0
    assert json.loads((place / "measured" / "best.json").read_text())["metric"].startswith("dfd/")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--preview-swap 8", "preview-swap: found a run that came from no model; expected a transfer, by --from MODEL"),
        ("--anchor 1", "anchor: found a run that came from no model; expected a transfer, by --from MODEL"),
        ("--preview-swap eight", "'eight' is no resolution; expected a list such as 8,16,32"),
        ("--metrics fit", "metrics: found 'fit', expected some of fid"),
        ("--anchor -1", "anchor: found -1.0, expected a number of at least 0"),
    ],
)
def test_what_cannot_be_watched_is_one_line(place, capsys, words, line) -> None:
    assert train(place, "refused", *PICO, *words.split()) == 2
    assert line in capsys.readouterr().err.replace("\n", " ")
    assert not (place / "refused").exists()


def test_swaps_without_layers_above_them_are_refused(place, capsys) -> None:
    for option in ("--preview-swap", "--anchor-swap"):
        more = ["--anchor", "1"] if option == "--anchor-swap" else []
        assert train(place, "refused", *base_of(place), option, "16", *more) == 2
        assert "found swap resolutions 16, expected some of 4, 8" in capsys.readouterr().err
        assert not (place / "refused").exists()


def test_photos_without_swaps_are_a_usage_error(place, capsys) -> None:
    assert train(place, "refused", *base_of(place), "--preview-photos", str(place / "faces")) == 2
    assert "--preview-photos: needs --preview-swap" in capsys.readouterr().err
