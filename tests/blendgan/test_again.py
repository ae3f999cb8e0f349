"""A result drawn again, and what it says of its making: with pico models, from file to file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from blendgan import recipe
from blendgan.cli.main import run
from blendgan.images import write_png
from blendgan.papers import METADATA_KEY
from blendgan.picture_files import read_texts
from blendgan.recipe import recipe_of
from blendgan.recipe_files import read_recipe
from blendgan.samples import write_portrait
from blendgan.schedule import Swap
from blendgan.toon_records import LATENT_KEY, read_record
from stylegan2.checkpoints import Checkpoint, fingerprint_mapping
from stylegan2.errors import InputError

GPS, MAKER, ORIENTATION = 0x8825, 0x010F, 0x0112


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, pico: Callable[..., Checkpoint]) -> list[str]:
    """The options that name a BASE and a TRANSFER of it, in two quick steps."""
    folder = tmp_path_factory.mktemp("pair")
    base, transfer = pico(0), pico(1)
    base.save(folder / "base.safetensors")
    lineage = {"transfer": {"mapping_fingerprint": fingerprint_mapping(base)}}
    metadata = {"format": "test", "lineage": lineage, "recipe": recipe.to_json(recipe_of(Swap(8, "high")))}
    Checkpoint(transfer.config, transfer.tensors, metadata).save(folder / "transfer.safetensors")
    pico(7).save(folder / "stranger.safetensors")
    return ["--base", str(folder / "base.safetensors"), "--transfer", str(folder / "transfer.safetensors")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, pair: list[str]) -> Path:
    """A folder with photo.jpg, which says where and by what it was taken, and its results."""
    folder = tmp_path_factory.mktemp("drawn")
    write_portrait(folder / "plain.jpg")
    exif = Image.Exif()
    exif[MAKER], exif[ORIENTATION] = "a camera", 1
    exif.get_ifd(GPS)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(folder / "plain.jpg") as photo:
        photo.resize((256, 256)).save(folder / "photo.jpg", quality=95, exif=exif, icc_profile=profile)
    assert run(["toonify", str(folder / "photo.jpg"), *pair, "--steps", "2", "--quiet"]) == 0
    return folder


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(drawn, tmp_path / "drawn"))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_same_options_give_the_same_pixels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["toonify", "--again", str(folder / "photo.toon.png")]) == 0
    out, err = capsys.readouterr()
    assert out.split() == [str(folder / f"photo.toon.again{ending}") for ending in (".png", ".strip.png")]
    assert err.startswith("photo.jpg: 1 face (detector's score 0.9")
    np.testing.assert_array_equal(pixels(folder / "photo.toon.again.png"), pixels(folder / "photo.toon.png"))
    np.testing.assert_array_equal(
        pixels(folder / "photo.toon.again.strip.png"), pixels(folder / "photo.toon.strip.png")
    )


def test_neither_faces_are_looked_for_nor_projected(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("blendgan.faces.require_faces", fail)
    monkeypatch.setattr("blendgan.projection.load_discriminator", fail)  # nor is loaded what would do so
    monkeypatch.setattr("blendgan.projection.encoder_for", fail)
    monkeypatch.setattr("blendgan.toonification.project_faces", fail)
    assert run(["toonify", "--again", str(folder / "photo.toon.png"), "--quiet"]) == 0


def test_options_of_the_command_line_win_and_the_rest_is_as_recorded(folder: Path, pair: list[str]) -> None:
    photo, result = str(folder / "photo.jpg"), str(folder / "photo.toon.png")
    changes = ["--swap-res", "4", "--paste", "face", "--detail", "0.5", "--no-strip", "--quiet"]
    assert run(["toonify", "--again", result, *changes, "-o", str(folder / "again.png")]) == 0
    anew = [*changes, "--transfer-gives", "high", "--steps", "2"]
    assert run(["toonify", photo, *pair, *anew, "-o", str(folder / "anew.png")]) == 0
    np.testing.assert_array_equal(pixels(folder / "again.png"), pixels(folder / "anew.png"))
    assert not np.array_equal(pixels(folder / "again.png"), pixels(Path(result)))
    assert read_recipe(folder / "again.png").schedule == Swap(4, "high")  # the recorded side
    assert run(["toonify", "--again", str(folder / "again.png"), "-o", str(folder / "third.png"), "--quiet"]) == 0
    np.testing.assert_array_equal(pixels(folder / "third.png"), pixels(folder / "again.png"))
    assert not (folder / "again.strip.png").exists()


def test_a_mask_is_kept_and_may_be_changed(folder: Path, pair: list[str]) -> None:
    photo, out = str(folder / "photo.jpg"), str(folder / "eyes.png")
    words = ["--quiet", "--no-strip"]
    assert run(["toonify", photo, *pair, "--steps", "2", "--mask", "eyes", "--mask-from", "8", "-o", out, *words]) == 0
    for name, more in (("same", []), ("hair", ["--mask", "hair"]), ("later", ["--mask-from", "16"])):
        assert run(["toonify", "--again", out, *more, "-o", str(folder / f"{name}.png"), *words]) == 0
    np.testing.assert_array_equal(pixels(folder / "same.png"), pixels(folder / "eyes.png"))
    assert not np.array_equal(pixels(folder / "hair.png"), pixels(folder / "eyes.png"))
    assert json.loads(read_texts(folder / "later.png")[METADATA_KEY])["mask"] == {"region": "eyes", "from": 16}


def test_a_tuned_result_is_drawn_again_with_its_change(
    folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = str(folder / "photo.jpg"), folder / "tuned.png"
    words = ["--quiet", "--no-strip"]
    assert run(["toonify", photo, *pair, "--steps", "2", "--tune", "2", "-o", str(out), *words]) == 0
    assert not np.array_equal(pixels(out), pixels(folder / "photo.toon.png"))
    assert run(["toonify", "--again", str(out), *words]) == 0
    np.testing.assert_array_equal(pixels(folder / "tuned.again.png"), pixels(out))
    assert run(["toonify", "--again", str(folder / "tuned.again.png"), "-o", str(folder / "third.png"), *words]) == 0
    np.testing.assert_array_equal(pixels(folder / "third.png"), pixels(out))
    (folder / "tuned.tune.safetensors").unlink()
    assert run(["toonify", "--again", str(out), *words]) == 2
    error = capsys.readouterr().err
    assert "was drawn with --tune, and tuned.tune.safetensors is not beside it" in error
    assert len(error.splitlines()) == 1


def test_the_photo_is_found_by_its_name_and_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    below, elsewhere = folder / "results", tmp_path / "elsewhere"
    below.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)  # where the tests are run there may be a photo.jpg, which the README's command writes
    for name in ("photo.toon.png", "photo.jpg"):
        shutil.move(folder / name, below / name)
    words = ["toonify", "--again", str(below / "photo.toon.png"), "--quiet", "--no-strip"]
    assert run(words) == 0  # beside it
    shutil.move(below / "photo.jpg", folder / "photo.jpg")
    assert run(words) == 0  # one folder up
    shutil.move(folder / "photo.jpg", tmp_path / "photo.jpg")
    assert run(words) == 2
    error = capsys.readouterr().err
    assert "its photo, photo.jpg with SHA-256 " in error and "give it: --again" in error
    assert len(error.splitlines()) == 1
    monkeypatch.chdir(tmp_path)
    assert run(words) == 0  # here
    assert run([words[0], str(folder / "plain.jpg"), *words[1:]]) == 2
    assert "plain.jpg: another file; expected photo.jpg with SHA-256" in capsys.readouterr().err
    shutil.move(tmp_path / "photo.jpg", folder / "renamed.jpg")
    assert run([words[0], str(folder / "renamed.jpg"), *words[1:]]) == 0
    (below / "photo.jpg").write_bytes(b"another")
    assert run(words) == 2
    assert "photo.jpg is not the photo of which it was made: expected SHA-256 " in capsys.readouterr().err


def test_a_jpeg_has_it_all_in_a_file_beside_it(
    folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = str(folder / "photo.jpg"), folder / "toon.jpg"
    assert run(["toonify", photo, *pair, "--steps", "2", "-o", str(out)]) == 0
    listed = [Path(line).name for line in capsys.readouterr().out.split()]
    assert listed == ["toon.jpg", "toon.json", "toon.strip.png", "toon.npz"]
    with Image.open(out) as picture:
        assert picture.format == "JPEG" and picture.info["icc_profile"]
        assert picture.getexif()[MAKER] == "a camera" and picture.getexif().get_ifd(GPS)
        assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3  # 4:4:4
    assert set(json.loads((folder / "toon.json").read_text())) == {METADATA_KEY, LATENT_KEY}
    assert run(["toonify", "--again", str(out), "--quiet"]) == 0
    assert (folder / "toon.again.jpg").read_bytes() == out.read_bytes()
    (folder / "toon.json").unlink()
    assert run(["toonify", "--again", str(out), "--quiet"]) == 2
    assert "toon.jpg: found nothing of its making" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_without_metadata_only_the_profile_stays(
    ending: str, folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / f"bare.{ending}"
    words = ["--steps", "2", "--quiet", "--no-metadata", "-o", str(out)]
    assert run(["toonify", str(folder / "photo.jpg"), *pair, *words]) == 0
    assert not out.with_suffix(".json").exists()
    with Image.open(out) as picture, Image.open(folder / "photo.jpg") as photo:
        assert picture.info["icc_profile"] == photo.info["icc_profile"]
        assert MAKER not in picture.getexif() and not picture.getexif().get_ifd(GPS)
        assert not any("blendgan" in str(key) for key in picture.info)
    assert b"a camera" not in out.read_bytes() and b"blendgan" not in out.read_bytes()
    assert run(["toonify", "--again", str(out), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "found nothing of its making, written perhaps with --no-metadata" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_exif_is_kept_and_says_upright(ending: str, folder: Path, pair: list[str]) -> None:
    exif = Image.Exif()
    exif[MAKER], exif[ORIENTATION] = "a camera", 6
    with Image.open(folder / "photo.jpg") as photo:
        photo.transpose(Image.Transpose.ROTATE_90).save(folder / "side.jpg", exif=exif)
    out = folder / f"side.toon.{ending}"
    assert run(["toonify", str(folder / "side.jpg"), *pair, "--steps", "2", "--quiet", "-o", str(out)]) == 0
    with Image.open(out) as picture:
        assert (picture.getexif()[MAKER], picture.getexif().get(ORIENTATION, 1)) == ("a camera", 1)
        assert picture.size == (256, 256)


@pytest.mark.parametrize(("ending", "mode"), [("png", "RGBA"), ("webp", "RGBA"), ("tif", "RGBA"), ("jpg", "RGB")])
def test_alpha_is_kept_where_the_form_has_it_and_white_where_not(
    ending: str, mode: str, folder: Path, pair: list[str]
) -> None:
    with Image.open(folder / "photo.jpg") as photo:
        photo.putalpha(255)
        photo.paste((0, 0, 0, 0), (0, 0, 40, 40))
        photo.save(folder / "cut.png")
    out = folder / f"cut.toon.{ending}"
    assert run(["toonify", str(folder / "cut.png"), *pair, "--steps", "2", "--quiet", "-o", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.mode == mode
        corner, middle = picture.getpixel((10, 10)), picture.getpixel((128, 128))
    assert corner[3:] == ((0,) if mode == "RGBA" else ()) and middle[3:] == ((255,) if mode == "RGBA" else ())
    assert mode == "RGBA" or min(corner) >= 254


def test_a_result_says_photo_faces_and_settings_but_no_folder(folder: Path) -> None:
    texts = read_texts(folder / "photo.toon.png")
    said = json.loads(texts[METADATA_KEY])
    assert said["command"] == "toonify" and said["photo"]["name"] == "photo.jpg" and len(said["photo"]["sha256"]) == 64
    assert said["settings"] == {"paste": "change", "match_colour": False, "selection": "all", "steps": 2}
    assert np.shape(said["faces"][0]["quad"]) == (4, 2) and np.shape(said["faces"][0]["points"]) == (5, 2)
    assert said["faces"][0]["score"] > 0.9
    assert read_record(folder / "photo.toon.png").latent.w.shape[0] == 1
    assert set(read_texts(folder / "photo.toon.strip.png")) == {METADATA_KEY}


def test_damaged_words_are_one_line(folder: Path) -> None:
    texts = read_texts(folder / "photo.toon.png")
    said = json.loads(texts[METADATA_KEY])
    picture = Image.new("RGB", (4, 4))
    for change in (
        {"faces": 3},
        {"faces": [{"quad": [[1e300] * 2] * 4, "score": 1}]},
        {"recipe": {}},
        {"settings": []},
        {"mask": "eyes"},
        {"mask": {"region": "/etc/passwd"}},
        {"mask": {"region": "eyes", "from": "here"}},
        {"mask": {"file": "mask.png"}},
    ):
        write_png(folder / "odd.png", picture, {**texts, METADATA_KEY: json.dumps({**said, **change})})
        with pytest.raises(InputError, match="odd.png: what it says of its making is damaged"):
            read_record(folder / "odd.png")
    for latent in ("!!!", "AAAA"):
        write_png(folder / "odd.png", picture, {**texts, LATENT_KEY: latent})
        with pytest.raises(InputError, match="odd.png"):
            read_record(folder / "odd.png")
    write_png(folder / "odd.png", picture, {METADATA_KEY: texts[METADATA_KEY]})
    with pytest.raises(InputError, match="carries no latent, and odd.npz is not beside it"):
        read_record(folder / "odd.png")
    shutil.copy(folder / "photo.toon.npz", folder / "odd.npz")
    assert read_record(folder / "odd.png").latent.w.shape[0] == 1


def test_models_of_another_family_are_refused(
    folder: Path, pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = str(Path(pair[1]).with_name("stranger.safetensors"))
    words = ["toonify", "--again", str(folder / "photo.toon.png"), "--quiet", "--no-strip"]
    assert run([*words, "--base", stranger, "--transfer", stranger]) == 2
    assert "belongs to the mapping network" in capsys.readouterr().err
    assert run([*words, *pair]) == 0


def test_what_cannot_be_together_with_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, photo = str(folder / "photo.toon.png"), str(folder / "photo.jpg")
    for words, reason in (
        (["--steps", "3"], "leave out --steps"),
        (["--aligned"], "leave out --aligned"),
        ([photo, photo], "--again draws one result; found 2 photos"),
        (["-o", photo], "which is read"),
        (["-o", str(folder / "toon.mp4")], "toon.mp4: found the ending '.mp4', expected one of .png, .jpg"),
        (["--faces", "2"], "found 1 in the result, asked for number 2"),
    ):
        assert run(["toonify", "--again", result, *words]) == 2
        assert reason in capsys.readouterr().err
    assert run(["toonify"]) == 2
    assert "--again RESULT" in capsys.readouterr().err
    assert not (folder / "photo.toon.again.png").exists()
    before = pixels(Path(result))
    assert (
        run(["toonify", "--again", result, "-o", result, "--alpha", "0", "--detail", "1", "--quiet", "--no-strip"]) == 0
    )  # -o says so
    assert not np.array_equal(pixels(Path(result)), before)
    np.testing.assert_array_equal(pixels(Path(result)), pixels(Path(photo)))  # all of BASE: no change
