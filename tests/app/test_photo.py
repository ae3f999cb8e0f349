"""The page Photo on pico models: a photo is brought, redrawn, downloaded; what cannot be used is told in a sentence."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")

from blendgan.cli.main import run
from blendgan.samples import PORTRAIT

FEW = {"steps": "2"}
QUICK = {"steps": "1", "aligned": "1"}  # no faces are looked for


def saved(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def bring(page, name: str, contents: bytes):
    return page.file_uploader(key="photo:file").set_value((name, contents, "image/jpeg")).run()


def errors(page) -> list[str]:
    assert not page.exception
    return [error.value.replace("\\", "") for error in page.error]


def test_it_says_what_it_takes_and_needs_no_camera(explorer):
    page = explorer("photo")
    uploader = page.file_uploader(key="photo:file")
    assert ".heic" in uploader.allowed_type or "jpg" in " ".join(uploader.allowed_type)
    words = " ".join(caption.value for caption in page.caption)
    assert "50 megapixels" in words and "Up to 1 MB" in words  # the explorer's own limit is lower here
    assert not page.camera_input and not errors(page)
    page.toggle(key="photo:use-camera").set_value(True).run()
    assert page.camera_input and any("localhost" in caption.value for caption in page.caption)


def test_the_command_on_the_page_makes_the_very_files(explorer, downloads, elsewhere: Path):
    page = explorer("photo", schedule="table 4=0,8=0.5,16=1", paste="face", detail="0.3", **FEW)
    page.button(key="photo:sample").click().run()
    assert not errors(page)
    assert not list(elsewhere.iterdir())  # the page itself has written nothing
    (command,) = [code.value for code in page.code if "toonify" in code.value]
    program, *words = shlex.split(command)
    assert program == "blendgan" and {"--paste", "--detail", "--steps"} <= set(words)
    (elsewhere / "portrait.jpg").write_bytes(PORTRAIT.read_bytes())
    assert run(words) == 0
    assert downloads["photo:Redrawn photo"] == (elsewhere / "portrait.toon.png").read_bytes()
    assert downloads["photo:Latents"] == (elsewhere / "portrait.toon.npz").read_bytes()
    assert b"transfers:" in downloads["photo:Recipe"] and len(downloads["photo:Blended model"]) > 1000


@pytest.mark.slow
@pytest.mark.parametrize(("form", "ending"), [("JPEG", ".jpg"), ("WebP", ".webp")])
def test_other_forms_without_metadata(form: str, ending: str, explorer, downloads, elsewhere: Path):
    page = explorer("photo", **QUICK)
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    file = io.BytesIO()
    Image.open(PORTRAIT).save(file, "JPEG", exif=exif)
    bring(page, "-my photo's.jpg", file.getvalue())
    page.selectbox(key="photo:form").set_value(form)
    page.checkbox(key="photo:metadata").uncheck().run()
    assert not errors(page)
    (command,) = [code.value for code in page.code if "toonify" in code.value]
    (elsewhere / "-my photo's.jpg").write_bytes(file.getvalue())
    words = shlex.split(command)[1:]
    assert run(words) == 0 and "--no-metadata" in words and "--aligned" in words
    contents = downloads["photo:Redrawn photo"]
    assert contents == (elsewhere / f"-my photo's.toon{ending}").read_bytes()
    assert b"a camera" not in contents


def two_portraits() -> bytes:
    portrait = Image.open(PORTRAIT)
    double = Image.new("RGB", (portrait.width * 2, portrait.height))
    double.paste(portrait, (0, 0))
    double.paste(portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (portrait.width, 0))
    return saved(double)


def test_faces_can_be_left_out(explorer, downloads, elsewhere: Path):
    page = explorer("photo", **FEW)
    bring(page, "two.png", two_portraits())
    pills = next(group for group in page.get("button_group") if group.label == "Faces to redraw")
    assert not errors(page) and [int(option) for option in pills.options] == [1, 2]
    assert "--faces" not in next(code.value for code in page.code if "toonify" in code.value)
    pills.set_value([2]).run()
    (command,) = [code.value for code in page.code if "toonify" in code.value]
    assert "--faces 2" in command
    (elsewhere / "two.png").write_bytes(two_portraits())
    assert run(shlex.split(command)[1:]) == 0
    assert downloads["photo:Redrawn photo"] == (elsewhere / "two.toon.png").read_bytes()
    left = np.asarray(Image.open(elsewhere / "two.toon.png"))[:, :512]
    assert np.array_equal(left, np.asarray(Image.open(PORTRAIT)))
    next(group for group in page.get("button_group") if group.label == "Faces to redraw").set_value([]).run()
    assert [info.value for info in page.info] == ["Choose at least one face."] and not errors(page)


BAD = {
    "words.jpg": (b"no picture at all", "words.jpg: not a picture that can be read"),
    "cut.jpg": (PORTRAIT.read_bytes()[:9000], "cut.jpg: cannot be read"),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "drawing.png: not a picture that can be read"),
    "sky.png": (saved(Image.new("RGB", (64, 48), (90, 140, 220))), "sky.png: found no face in 64 x 48 px"),
    "[x](javascript:alert(1)).png": (b"", "[x](javascript:alert(1)).png: not a picture that can be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_one_sentence_and_the_page_goes_on(name: str, explorer):
    contents, words = BAD[name]
    page = explorer("photo", **FEW)
    bring(page, name, contents)
    (error,) = errors(page)
    assert words in error and "\n" not in error
    page.button(key="photo:sample").click().run()
    assert not errors(page) and any("toonify" in code.value for code in page.code)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_odd_pictures_work(mode: str, explorer, downloads):
    page = explorer("photo", **QUICK)
    bring(page, "odd.png", saved(Image.open(PORTRAIT).convert(mode)))
    assert not errors(page)
    assert Image.open(io.BytesIO(downloads["photo:Redrawn photo"])).size == (512, 512)


def test_a_photo_is_forgotten_on_request(explorer):
    page = explorer("photo", **QUICK)
    page.button(key="photo:sample").click().run()
    assert "photo:work" in page.session_state
    bring_again = page.file_uploader[0]
    bring_again.set_value(("again.jpg", PORTRAIT.read_bytes(), "image/jpeg")).run()
    assert page.session_state["photo:work"].file.name == "again.jpg" and page.file_uploader[0].value
    page.button(key="photo:forget").click().run()
    assert not page.file_uploader[0].value  # Streamlit has let go of it too
    assert "photo:work" not in page.session_state and not any("toonify" in code.value for code in page.code)


def test_the_faces_go_to_explore(explorer):
    page = explorer("photo", **QUICK)
    page.button(key="photo:sample").click().run()
    page.button(key="photo:explore").click().run()
    assert not errors(page)
    (face,) = page.session_state["faces"]
    assert face.name == "portrait.jpg" and len(face.latent.w) == 1
    assert page.session_state["scene"].of_photo


def test_options_stand_in_the_address_and_wrong_ones_are_told(explorer):
    page = explorer("photo", paste="glue", detail="nan", steps="many", match_colour="1")
    told = [warning.value.replace("\\", "") for warning in page.warning]
    assert [line.split(" in the address")[0] for line in told] == ["paste", "detail", "steps"]
    assert "found 'many', expected a number" in told[2]
    page.button(key="photo:sample").click().run()
    assert not page.warning
    assert page.query_params["match-colour"] in ("1", ["1"]) and "paste" not in page.query_params
    page.selectbox(key="photo:paste").set_value("face").run()
    assert page.query_params["paste"] in ("face", ["face"])
