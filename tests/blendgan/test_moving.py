"""toonify of films, from file to file, with pico models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torch import Tensor

from blendgan.animations import Frame
from blendgan.cli.main import run
from blendgan.faces import WHOLE
from blendgan.moving import WHOLE as WHOLE_TRACK
from blendgan.moving import Latents, redrawn
from blendgan.recipe import recipe_of
from blendgan.samples import write_portrait
from blendgan.schedule import Uniform
from blendgan.toonification import Studio, ToonSettings, open_studio
from blendgan.tracking import Track
from projector.alignment import align_whole
from projector.optimise import ProjectionStep
from stylegan2.checkpoints import Checkpoint

QUICK = ToonSettings(selection=WHOLE, steps=2, paste="face")


@pytest.fixture(scope="module")
def words(pico_pair: list[str]) -> list[str]:
    return [*pico_pair, "--swap-res", "8", "--steps", "1"]


@pytest.fixture(scope="module")
def studio(pico: Callable[..., Checkpoint]) -> Studio:
    return open_studio(pico(0), pico(1), recipe_of(Uniform(0.5)))


def film(count: int, noise: float = 0.0) -> list[Frame]:
    """A colour that changes slowly, under noise."""
    random = np.random.default_rng(0)
    base = np.linspace(60, 120, count)
    return [
        Frame((level + random.normal(0, noise, (32, 32, 3))).clip(0, 255).astype(np.uint8)) for level in base
    ]  # fmt: skip


def test_every_frame_comes_out_once_in_order_and_few_are_held(studio: Studio) -> None:
    frames, read = film(12), 0

    def reading():  # type: ignore[no-untyped-def]
        nonlocal read
        for frame in frames:
            read += 1
            yield frame

    for done, (frame, pixels) in enumerate(redrawn(studio, reading(), (), QUICK, sigma=1.0)):
        assert frame is frames[done] and pixels is not frame.pixels
        assert read <= done + 1 + 3  # the reach of the window
    assert done == 11


def test_a_face_is_searched_for_from_where_it_was(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Tensor | None] = []
    ends = iter(torch.arange(4.0)[:, None, None, None].expand(-1, 1, 6, 8))

    def project(targets, generator, discriminator, config, *, start, curvature):  # type: ignore[no-untyped-def]
        starts.append(start)
        yield ProjectionStep(1, 1, next(ends), {}, torch.zeros(1))

    monkeypatch.setattr("blendgan.moving.project", project)
    frames = film(4)
    latents = Latents(studio.finder, QUICK, sigma=1.0)
    for index in (0, 1, 3):  # the face is not there in frame 2
        latents.find(index, {WHOLE_TRACK: align_whole(frames[index].pixels, 16)})
    assert starts[0] is None and starts[2] is None
    assert starts[1] is not None and float(starts[1].mean()) == 0.0  # where the search of frame 0 ended


def test_latents_are_smooth_and_the_window_forgets(studio: Studio) -> None:
    latents = Latents(studio.finder, QUICK, sigma=2.0)
    noisy = torch.randn([40, 6, 8], generator=torch.Generator().manual_seed(0))
    smooth = []
    for index in range(40 + 6):  # reading runs a window ahead of drawing
        if index < 40:
            latents.found.setdefault(WHOLE_TRACK, {})[index] = noisy[index]
        if index >= 6:
            smooth.append(latents.smooth(index - 6, WHOLE_TRACK))
    assert len(latents.found[WHOLE_TRACK]) <= 2 * 6 + 1
    assert np.diff(torch.stack(smooth).numpy(), 2, axis=0).std() < np.diff(noisy.numpy(), 2, axis=0).std() / 8


def test_frames_without_a_face_go_by_as_they_are(studio: Studio) -> None:
    points = 32 * np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
    track = Track(2, np.repeat(points[None], 3, axis=0), 1.0)
    frames = film(7)
    plain = replace(QUICK, selection=ToonSettings().selection)
    changed = [pixels is not frame.pixels for frame, pixels in redrawn(studio, frames, [track], plain, 1.0)]
    assert changed == [False, False, True, True, True, False, False]


def test_the_command_redraws_an_animation(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_portrait(tmp_path / "photo.jpg")
    portrait = Image.open(tmp_path / "photo.jpg").convert("RGB").resize((128, 128))
    frames = [portrait.rotate(angle) for angle in (0, 1, 2, 3)]
    path, result = tmp_path / "a.png", tmp_path / "out" / "a.toon.png"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, loop=2)
    assert run(["toonify", str(path), *words, "--outdir", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{result}\n"
    assert [file.name for file in result.parent.iterdir()] == ["a.toon.png"]  # nothing beside it
    with Image.open(result) as film:
        after = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]
    assert len(after) == 4
    change = np.abs(after[1] - np.asarray(frames[1])).max(axis=2)
    assert change[40:90, 40:90].mean() > 1  # the face
    assert not change[:, 0].any() and not change[-1].any()


def test_mistakes_are_one_line(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (64, 64), (level, 90, 120)) for level in (10, 20, 30)]
    path = tmp_path / "sky.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    for more, said in (
        ([], "sky.gif: found no face in 3 frames"),
        (["--faces", "2"], "expected all or largest"),
        (["--auto"], "--auto is for photos"),
        (["--grid", "8"], "--grid is for photos"),
    ):
        assert run(["toonify", str(path), *words, *more]) == 2
        error = capsys.readouterr().err
        assert said in error and len(error.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["sky.gif"]
