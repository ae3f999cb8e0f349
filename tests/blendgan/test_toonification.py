"""toonify from file to file, with pico models and the public-domain portrait."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan import blend, recipe
from blendgan.cli.main import run
from blendgan.faces import WHOLE, Selection, parse_selection
from blendgan.images import read_metadata
from blendgan.masks import WHITE, Mask
from blendgan.papers import METADATA_KEY
from blendgan.projection import draw, finder_of, project_photo
from blendgan.recipe import recipe_of
from blendgan.samples import write_portrait
from blendgan.schedule import Swap, Uniform
from blendgan.spatial import Masking
from blendgan.toonification import Studio, Toon, ToonSettings, open_studio, papers_of, toonify, toonify_photo
from projector.detection import Face
from projector.latent import load_latent
from projector.optimise import ProjectionConfig
from stylegan2.checkpoints import Checkpoint, expected_shapes, fingerprint_mapping
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import InputError, NoFaceFound, WrongGenerator
from stylegan2.loading import load_generator

CONFIG = GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8)
D_CONFIG = DiscriminatorConfig(16, (8, 6, 4))
QUICK = ToonSettings(projection=ProjectionConfig(steps=3, candidates=2))


def full_checkpoint(seed: int, metadata: dict[str, object]) -> Checkpoint:
    draw = torch.Generator().manual_seed(seed)
    shapes = expected_shapes(CONFIG, D_CONFIG)
    tensors = {name: torch.randn(shape, generator=draw) for name, shape in sorted(shapes.items())}
    return Checkpoint(CONFIG, tensors, {"format": "test", **metadata}, D_CONFIG)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Files of a BASE and of a TRANSFER that says it comes from it."""
    folder = tmp_path_factory.mktemp("pair")
    base = full_checkpoint(0, {})
    lineage = {"transfer": {"mapping_fingerprint": fingerprint_mapping(base)}}
    preset = recipe.to_json(recipe_of(Swap(8, "high")))
    base.save(folder / "base.safetensors")
    full_checkpoint(1, {"lineage": lineage, "recipe": preset}).save(folder / "transfer.safetensors")
    return str(folder / "base.safetensors"), str(folder / "transfer.safetensors")


@pytest.fixture(scope="module")
def studio(pair: tuple[str, str]) -> Studio:
    return open_studio(*pair)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    write_portrait(path)
    return path


def test_the_face_changes_and_the_rest_of_the_photo_stays(studio: Studio, portrait: Path) -> None:
    toon = toonify_photo(studio, portrait, QUICK)
    before, after = np.asarray(Image.open(portrait)).astype(int), np.asarray(toon.image).astype(int)
    assert before.shape == after.shape
    x0, y0 = toon.faces[0].quad.min(axis=0).astype(int)
    x1, y1 = toon.faces[0].quad.max(axis=0).astype(int) + 1
    changed = np.abs(before - after).max(axis=2) > 0
    assert changed[y0:y1, x0:x1].mean() > 0.3
    changed[y0:y1, x0:x1] = False
    assert not changed.any()
    assert len(toon.toonified) == len(toon.projected) == len(toon.faces) == len(toon.latents.w) == 1
    assert toon.recipe.schedule == Swap(8, "high")  # TRANSFER's own recommendation


def test_a_blend_that_is_all_base_adds_no_change(pair: tuple[str, str], portrait: Path) -> None:
    toon = toonify(portrait, *pair, recipe_of(Uniform(0.0)), replace(QUICK, detail=1.0))
    assert np.array_equal(np.asarray(toon.image), np.asarray(Image.open(portrait)))
    pasted = toonify(portrait, *pair, recipe_of(Uniform(0.0)), replace(QUICK, paste="face"))
    assert not np.array_equal(np.asarray(pasted.image), np.asarray(Image.open(portrait)))


def test_two_faces_come_left_to_right_and_can_be_chosen(studio: Studio, portrait: Path) -> None:
    photo = Image.open(portrait)
    double = Image.new("RGB", (photo.width * 2, photo.height))
    double.paste(photo, (0, 0))
    double.paste(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (photo.width, 0))
    both = toonify_photo(studio, double, QUICK)
    assert [face.quad.mean(axis=0)[0] < photo.width for face in both.faces] == [True, False]
    second = toonify_photo(studio, double, replace(QUICK, selection=parse_selection("2")))
    assert np.allclose(second.faces[0].quad, both.faces[1].quad)
    with pytest.raises(InputError, match="found 2 in the photo, asked for number 3"):
        toonify_photo(studio, double, replace(QUICK, selection=parse_selection("1,3")))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P"])
def test_photos_of_every_mode(mode: str, studio: Studio, portrait: Path, tmp_path: Path) -> None:
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    Image.open(portrait).convert(mode).save(path)
    toon = toonify_photo(studio, path, QUICK)
    assert toon.image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    assert toon.image.size == (512, 512)


def test_a_photo_that_lies_on_its_side_comes_out_upright(studio: Studio, portrait: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn a quarter to the right to see it upright"
    Image.open(portrait).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)
    straight, turned = (toonify_photo(studio, path, QUICK) for path in (portrait, tmp_path / "side.png"))
    assert np.array_equal(np.asarray(turned.image), np.asarray(straight.image))


def test_a_photo_without_faces_says_so(studio: Studio) -> None:
    with pytest.raises(NoFaceFound, match="photo: found no face in 320 x 200 px.*--aligned"):
        toonify_photo(studio, Image.new("RGB", (320, 200), (90, 120, 160)), QUICK)


def test_an_aligned_crop_is_taken_whole(studio: Studio) -> None:
    toon = toonify_photo(studio, Image.new("RGB", (32, 32), (200, 150, 120)), replace(QUICK, selection=WHOLE))
    assert toon.faces[0].quad.tolist() == [[0, 0], [0, 32], [32, 32], [32, 0]]


def test_a_latent_of_another_family_is_refused(pair: tuple[str, str], portrait: Path) -> None:
    projection = project_photo(portrait, finder_of(pair[0]), config=QUICK.projection)
    stranger = open_studio(full_checkpoint(5, {}), full_checkpoint(6, {}))
    with pytest.raises(WrongGenerator):
        draw(stranger.base, projection.latent)
    assert draw(open_studio(*pair).blended, projection.latent).shape == (1, 3, 16, 16)


def test_which_faces() -> None:
    small = Face(np.zeros((5, 2), np.float32), (0.0, 0.0, 5.0, 5.0), 1.0)
    large = Face(np.zeros((5, 2), np.float32), (6.0, 0.0, 26.0, 20.0), 1.0)
    assert parse_selection("largest").choose((small, large)) == (large,)
    assert parse_selection("all") == Selection()
    for text in ("", "0", "1,x", "-1"):
        with pytest.raises(InputError, match="expected all, largest, or numbers"):
            parse_selection(text)


def test_the_command_writes_the_same_bytes_twice(pair: tuple[str, str], portrait: Path, tmp_path: Path) -> None:
    base, transfer = pair
    words = ["toonify", str(portrait), "--base", base, "--transfer", transfer, "--steps", "2", "--quiet"]
    for name in ("a", "b"):
        assert run([*words, "--outdir", str(tmp_path / name)]) == 0
    names = ["photo.toon.npz", "photo.toon.png", "photo.toon.strip.png"]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert load_latent(tmp_path / "a" / "photo.toon.npz").w.shape == (1, 6, 8)


def test_the_commands_exit_codes(pair: tuple[str, str], portrait: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    base, transfer = pair
    empty = tmp_path / "sky.png"
    Image.new("RGB", (100, 100), (90, 120, 160)).save(empty)
    words = ["--base", base, "--transfer", transfer, "--steps", "2", "--quiet", "--outdir", str(tmp_path / "out")]
    assert run(["toonify", str(empty), *words]) == 2
    error = capsys.readouterr().err
    assert "sky.png: found no face" in error
    assert len(error.splitlines()) == 1
    assert run(["toonify", str(portrait), str(empty), *words]) == 3
    assert "1 of 2 inputs failed" in capsys.readouterr().err
    assert run(["toonify", str(portrait), *words]) == 0  # again: the same latent, and the same pictures
    other = [word if word != "2" else "3" for word in words]
    assert run(["toonify", str(portrait), *other]) == 2  # another latent is there already
    assert "--force" in capsys.readouterr().err
    assert run(["toonify", str(portrait), *other, "--force"]) == 0
    assert run(["toonify", str(tmp_path / "nowhere.jpg"), *words]) == 2


def test_project_writes_a_latent_and_a_sheet(pair: tuple[str, str], portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "me.npz"
    assert run(["project", str(portrait), "--network", pair[0], "--steps", "2", "-o", str(out), "--quiet"]) == 0
    assert load_latent(out).metadata["steps"] == 2
    assert (tmp_path / "me.projected.png").exists()


def test_a_latent_is_drawn_by_its_family_and_by_no_other(
    pair: tuple[str, str], portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, transfer = pair
    latent = tmp_path / "me.npz"
    assert run(["project", str(portrait), "--network", base, "--steps", "2", "-o", str(latent), "--quiet"]) == 0
    words = ["generate", "--latent", str(latent), "--outdir", str(tmp_path), "--quiet", "--network"]
    assert run([*words, transfer]) == 0
    with Image.open(tmp_path / "me.face1.png") as picture:
        assert picture.size == (16, 16)
    full_checkpoint(7, {}).save(tmp_path / "stranger.safetensors")
    assert run([*words, str(tmp_path / "stranger.safetensors")]) == 2
    assert "belongs to the mapping network" in capsys.readouterr().err


def test_a_blend_takes_latents_of_both_parents_whatever_its_mapping(pair: tuple[str, str], portrait: Path) -> None:
    latent = project_photo(portrait, finder_of(pair[0]), config=QUICK.projection).latent
    blended = blend(full_checkpoint(0, {}), full_checkpoint(1, {}), Swap(8), mapping=0.5, w_avg="transfer")
    assert draw(load_generator(blended), latent).shape == (1, 3, 16, 16)


def test_project_makes_the_folder_and_takes_a_device(pair: tuple[str, str], portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder" / "me.npz"
    words = ["project", str(portrait), "--network", pair[0], "--steps", "2", "--quiet", "--device", "cpu"]
    assert run([*words, "-o", str(out)]) == 0
    assert out.exists()


def test_project_refuses_another_ending_before_the_work(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "new" / "me.png"
    assert run(["project", "nowhere.jpg", "--network", "nothing", "-o", str(out)]) == 2
    assert "me.png: found the ending '.png', expected .npz" in capsys.readouterr().err
    assert not out.parent.exists()


def test_two_photos_of_one_name_are_refused_before_the_work(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    first, second = str(tmp_path / "a" / "x.jpg"), str(tmp_path / "b" / "x.jpg")
    out = tmp_path / "o"
    assert run(["toonify", first, second, "--base", "nothing", "--outdir", str(out)]) == 2
    assert f"{first} and {second} would both be written to {out / 'x.toon.png'}" in capsys.readouterr().err
    assert not out.exists()


def test_a_mask_chooses_between_projection_and_blend(pair: tuple[str, str], portrait: Path) -> None:
    def toon(level: int) -> Toon:
        mask = Mask("flat", np.full((4, 4), level, np.uint16))
        return toonify_photo(open_studio(*pair, masking=Masking(mask)), portrait, QUICK)

    plain, white, black = toonify(portrait, *pair, settings=replace(QUICK, detail=1.0)), toon(WHITE), toon(0)
    assert np.array_equal(np.asarray(white.image), np.asarray(plain.image))
    assert np.array_equal(np.asarray(black.image), np.asarray(Image.open(portrait)))
    assert np.array_equal(np.asarray(black.toonified[0]), np.asarray(black.projected[0]))
    assert not np.array_equal(np.asarray(white.toonified[0]), np.asarray(white.projected[0]))
    assert "mask" not in papers_of(plain)
    assert papers_of(white)["mask"] == {"file": "flat", "sha256": Mask("", np.full((4, 4), WHITE)).digest, "from": 16}


def test_the_command_takes_a_region(pair: tuple[str, str], portrait: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    words = ["toonify", str(portrait), "--base", pair[0], "--transfer", pair[1], "--steps", "2", "--quiet"]
    assert run([*words, "--outdir", str(tmp_path), "--mask", "eyes", "--mask-from", "8"]) == 0
    said = json.loads(read_metadata(tmp_path / "photo.toon.png")[METADATA_KEY])
    assert said["mask"] == {"region": "eyes", "from": 8}
    assert run([*words, "--outdir", str(tmp_path), "--mask", "nose"]) == 2
    assert "mask: found 'nose'" in capsys.readouterr().err


def test_the_command_takes_a_recipe_and_a_finished_blend(
    pair: tuple[str, str], portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, transfer = pair
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(f"base: {base}\ntransfers: [{transfer}]\nschedule: swap-res 8 high\n")
    blend(base, transfer, Swap(8, "high")).save("blend.safetensors")
    common = ["toonify", str(portrait), "--steps", "2", "--quiet", "--no-metadata"]
    assert run([*common, "--base", base, "--transfer", transfer, "-o", "plain.png"]) == 0
    assert run([*common, "--recipe", "r.yaml", "-o", "recipe.png"]) == 0
    assert run([*common, "--base", base, "--transfer", "blend.safetensors", "-o", "blend.png"]) == 0
    assert run([*common, "--base", base, "--transfer", transfer, "--alpha", "0", "-o", "base.png"]) == 0
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("plain", "recipe", "blend", "base")]
    assert pictures[0] == pictures[1] == pictures[2]
    assert pictures[0] != pictures[3]


def test_no_input_is_written_over(portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("photo.png", "photo.toon.strip.png", "photo.toon.front.png", "mask.png")
    photo, strip, front, mask = files = [tmp_path / name for name in names]
    for file in files:
        file.write_bytes(portrait.read_bytes())
    for words in (
        [photo, "-o", photo],
        [photo, "--mask", strip],
        [photo, "--mask", mask, "-o", mask],
        [photo, "--recipe", mask, "-o", mask],
        [photo, "--base", front, "--auto"],
    ):
        assert run(["toonify", *map(str, words), "--force"]) == 2
        error = capsys.readouterr().err
        assert "which is read; choose another name with -o or --outdir" in error
        assert len(error.splitlines()) == 1
    assert all(file.read_bytes() == portrait.read_bytes() for file in files)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("blendgan.cli.order.Order.open", None)  # no model is opened
    (tmp_path / "note").write_bytes(b"x")
    assert run(["toonify", str(portrait), "--outdir", str(tmp_path / "note" / "toons")]) == 2
    assert f"{tmp_path / 'note'} is a file, expected a folder; choose another" in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda place, mode: place != tmp_path)  # as root, everything can be written
    assert run(["toonify", str(portrait), "--outdir", str(tmp_path / "a" / "b")]) == 2
    error = capsys.readouterr().err
    assert f"results cannot be written, {tmp_path} is read-only" in error and len(error.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["note"]


def test_a_mask_beside_a_recipe_is_not_dropped_silently(
    pair: tuple[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe_file, out = tmp_path / "r.yaml", tmp_path / "out"
    recipe_file.write_text(f"base: {pair[0]}\ntransfers: [{pair[1]}]\nschedule: alpha 1\n")
    words = ["generate", "--seeds", "0", "--quiet", "--outdir", str(out)]
    assert run([*words, "--blend", str(recipe_file), "--mask", "eyes", "--mask-from", "8"]) == 0
    assert not caplog.messages
    assert run([*words, "--blend", str(out / "seed0000.png")]) == 0
    assert "was drawn with a mask, which is no part of its recipe" in caplog.text
