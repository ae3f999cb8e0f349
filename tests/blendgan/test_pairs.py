"""Pairs: a folder that was interrupted becomes the same, byte for byte; poor samples are left out and counted."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan import pair_scores
from blendgan.cli.main import run
from blendgan.images import to_uint8
from blendgan.pair_folder import PairFolder
from blendgan.pair_scores import CALIBRATION_SEEDS, Judge, Limits, Scores, Thresholds
from blendgan.pairs import PairMaker, PairSettings, Tried, make_pairs
from blendgan.rendering import Setting, open_renderer
from blendgan.toonification import Studio, open_studio
from stylegan2.checkpoints import Checkpoint, expected_shapes
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import InputError

CONFIG = GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8)
ANY_FACE = Limits(face=0, worst=0.2, duplicates=None)  # of noise no face can be asked
QUICK = PairSettings(limits=ANY_FACE)


def saved(folder: Path, name: str, seed: int, metadata: dict[str, object], *, judged: bool) -> str:
    config = DiscriminatorConfig(16, (8, 6, 4)) if judged else None
    random = torch.Generator().manual_seed(seed)
    shapes = expected_shapes(CONFIG, config)
    tensors = {name: torch.randn(shape, generator=random) for name, shape in sorted(shapes.items())}
    Checkpoint(CONFIG, tensors, {"format": "test", **metadata}, config).save(folder / f"{name}.safetensors")
    return str(folder / f"{name}.safetensors")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("pair")
    base = saved(folder, "base", 0, {"licence": "CC BY 4.0", "attribution": "faces by A"}, judged=True)
    return base, saved(
        folder, "transfer", 1, {"licence": "CC BY-SA 4.0", "attribution": "paintings by B"}, judged=False
    )


@pytest.fixture(scope="module")
def studio(pair: tuple[str, str]) -> Studio:
    return open_studio(*pair, encoder="none")


@pytest.fixture(autouse=True)
def few_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_scores, "CALIBRATION_SEEDS", CALIBRATION_SEEDS[:10])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_both_pictures_are_of_the_seed_s_latent(studio: Studio, pair: tuple[str, str], tmp_path: Path) -> None:
    outcomes = list(make_pairs(studio, QUICK, tmp_path, 5))
    index = rows(tmp_path / "index.csv")
    assert [int(row["pair"]) for row in index] == list(range(5))
    assert sum(one.fault is None for one in outcomes) == 5
    seed = int(index[3]["seed"])
    ws = open_renderer(pair[0], Setting(0.7)).styles_of([seed])
    for folder, generator in (("real", studio.base), ("toon", studio.blended)):
        with torch.inference_mode():
            expected = to_uint8(generator.synthesis(ws))[0]
        assert np.array_equal(pixels(tmp_path / folder / "000003.png"), expected)
    assert not np.array_equal(*(pixels(tmp_path / f / "000003.png") for f in ("real", "toon")))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_an_interrupted_folder_becomes_the_same(studio: Studio, tmp_path: Path, ending: str) -> None:
    settings = replace(QUICK, ending=ending, limits=Limits(face=0, worst=0.5, duplicates=None))
    list(make_pairs(studio, settings, tmp_path / "whole", 5))
    events = make_pairs(studio, settings, tmp_path / "cut", 5)
    while next(events).kept < 2:
        pass
    events.close()
    cut = tmp_path / "cut"
    (cut / "real" / f"000002.{ending}").write_bytes(b"half a pic")  # killed between the pictures and the index …
    with (cut / "index.csv").open("a") as file:
        file.write("2,17,0.")  # … or in the middle of a line
    list(make_pairs(studio, settings, cut, 4))
    list(make_pairs(studio, settings, cut, 5))
    assert contents(cut) == contents(tmp_path / "whole")
    assert rows(cut / "rejected.csv")


def test_what_is_left_out_is_as_much_as_was_asked(studio: Studio) -> None:
    maker = PairMaker(studio, QUICK)
    thresholds = maker.judge.thresholds(maker.draw)
    found = [maker.judge.scores(*maker.draw(seed)) for seed in CALIBRATION_SEEDS[:10]]
    assert sum(scores.realness < thresholds.realness for scores in found) == 2  # a fifth of ten
    assert sum(scores.layout > thresholds.layout for scores in found) == 2


def test_what_is_left_out_is_told_with_its_reason(studio: Studio, tmp_path: Path) -> None:
    outcomes = list(make_pairs(studio, QUICK, tmp_path, None, range(12)))
    left_out = {int(row["seed"]): row["reason"] for row in rows(tmp_path / "rejected.csv")}
    assert left_out == {one.seed: one.fault for one in outcomes if one.fault}
    assert {"realness", "layout"} >= set(left_out.values()) != set()
    assert [int(row["seed"]) for row in rows(tmp_path / "index.csv")] == [i for i in range(12) if i not in left_out]


def test_a_copy_is_left_out(studio: Studio, tmp_path: Path) -> None:
    still = PairSettings(truncation_psi=0.0, limits=Limits(face=0, worst=0))  # every seed is the mean face
    assert list(make_pairs(studio, still, tmp_path, None, range(2))) == [Tried(0, 1, None), Tried(1, 1, "copy")]
    assert list(make_pairs(studio, still, tmp_path, None, range(3))) == [
        Tried(2, 1, "copy")
    ]  # also of one that was there


def test_seeds_that_give_nothing_end_in_a_line(studio: Studio, tmp_path: Path) -> None:
    still = PairSettings(truncation_psi=0.0, limits=Limits(face=0, worst=0))
    with pytest.raises(InputError, match=r"found 1 good pairs in 120 seeds, expected 2 \(119 a copy\); loosen"):
        list(make_pairs(studio, still, tmp_path, 2))
    assert len(rows(tmp_path / "index.csv")) == 1


def test_noise_shows_no_face_and_a_portrait_does(studio: Studio) -> None:
    judge = Judge(None, Limits(face=0.95, worst=0))
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert judge.fault(judge.scores(noise, noise), Thresholds()) == "face"
    portraits = open_renderer("portraits", Setting(0.7))
    drawn = portraits.draw_seeds([0])
    scores = judge.scores(drawn, drawn)
    assert judge.fault(scores, Thresholds()) is None
    assert scores.face > 0.95
    assert scores.realness is None


def test_limits_say_what_is_wrong_in_their_order() -> None:
    judge = Judge(None, Limits(face=0, worst=0))
    thresholds = Thresholds(realness=-1.0, layout=2.0)
    assert judge.fault(Scores(None, -1.0, 2.0), thresholds) is None
    assert judge.fault(Scores(None, -1.1, 2.1), thresholds) == "realness"
    assert judge.fault(Scores(None, -0.9, 2.1), thresholds) == "layout"
    with pytest.raises(InputError, match="BASE has no discriminator in its file"):
        Judge(None, Limits())
    with pytest.raises(InputError, match="worst: found 1, expected a share"):
        Limits(worst=1)


def test_side_by_side_is_both_in_one(studio: Studio, tmp_path: Path) -> None:
    settings = replace(QUICK, layout="side-by-side", size_px=24)
    list(make_pairs(studio, settings, tmp_path / "both", 3))
    list(make_pairs(studio, replace(settings, layout="folders"), tmp_path / "each", 3))
    both = pixels(tmp_path / "both" / "pairs" / "000002.png")
    halves = [pixels(tmp_path / "each" / name / "000002.png") for name in ("real", "toon")]
    assert np.array_equal(both, np.concatenate(halves, axis=1))
    assert both.shape == (24, 48, 3)
    said = json.loads((tmp_path / "both" / "pairs.json").read_text())
    folder = PairFolder(tmp_path / "both", said, "side-by-side", "png")
    assert all(np.array_equal(*one) for one in zip(folder.read(2), halves, strict=True))


def test_other_settings_are_refused(studio: Studio, tmp_path: Path) -> None:
    list(make_pairs(studio, QUICK, tmp_path / "pairs", 1))
    before = contents(tmp_path / "pairs")
    with pytest.raises(InputError, match=r"was begun with another truncation_psi \(0.7; now 0.5\); say the same"):
        list(make_pairs(studio, replace(QUICK, truncation_psi=0.5), tmp_path / "pairs", 1))
    assert contents(tmp_path / "pairs") == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(InputError, match="full: holds files, but no pairs.json"):
        list(make_pairs(studio, QUICK, tmp_path / "full", 1))
    (tmp_path / "pairs" / "real" / "000000.png").unlink()
    with pytest.raises(InputError, match=r"000000.png: is in the index and cannot be read; put it back"):
        list(make_pairs(studio, QUICK, tmp_path / "pairs", 2))


def test_the_command_says_what_there_is(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pairs", *pair, "--outdir", str(tmp_path / "out"), "--face", "0", "--worst", "0", "--duplicates", "off"]
    assert run([*words, "--count", "2", "--swap-res", "8"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 2 pairs, none left out\n"
    assert {"README.md", "index.csv", "pairs.json", "pairs.png", "rejected.csv"} <= set(contents(tmp_path / "out"))
    readme = (tmp_path / "out" / "README.md").read_text()
    assert all(text in readme for text in ("under CC BY-SA 4.0", "- faces by A", "- paintings by B"))
    assert run([*words, "--count", "2", "--swap-res", "16"]) == 2
    assert "was begun with another recipe" in capsys.readouterr().err
    assert run([*words, "--count", "2", "--seeds", "0-3"]) == 2
    assert "--count and --seeds are given; choose one" in capsys.readouterr().err
