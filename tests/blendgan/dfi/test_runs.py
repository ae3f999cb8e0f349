from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.dfi.editing import Edit, Settings
from blendgan.dfi.orders import edits_in_turn, filling
from blendgan.dfi.reverse import Solver
from blendgan.dfi.runs import Order, Progress, prepare
from blendgan.dfi.sets import PictureSet, read_set
from blendgan.faces import ALL, WHOLE
from blendgan.images import read_metadata
from blendgan.masks import load_mask
from projector.photo import read_photo
from stylegan2.errors import InputError, NoFaceFound

QUICK = Settings(solver=Solver(10))


@pytest.fixture
def order(sets):
    """`order(alpha, **changes)`: from plain to barred, of the whole picture, at 32 px."""

    def build(alpha: float = 0.4, **changes) -> Order:
        edits = (Edit(read_set(sets[0]), read_set(sets[1]), alpha),)
        return Order(**{"edits": edits, "settings": QUICK, "selection": WHOLE, "size_px": 32, **changes})

    return build


@pytest.fixture
def photo(tmp_path, picture, save):
    """A photo of 72 x 72 px, whose detail the 32 px that are worked on do not hold."""
    large = picture(50, 72) + 0.1 * torch.randn(1, 3, 72, 72, generator=torch.Generator().manual_seed(1))
    return save(tmp_path / "photo.png", large)


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def done(run):
    events = list(run.events())
    assert all(isinstance(event, Progress) for event in events)
    return run


def test_alpha_0_is_the_photo_at_its_own_size(features, photo, order):
    (path,) = done(prepare(photo, features, order(0.0))).write()
    assert path == photo.with_name("photo.dfi.png")
    assert (pixels(path) == pixels(photo)).all()


def test_the_change_is_added(features, photo, order):
    """The photo's fine detail is that of the result: the difference is smooth."""
    run = done(prepare(photo, features, order()))
    path, strip = run.write(photo.with_name("strip.png"))
    change = pixels(path) - pixels(photo)
    inner = change[4:-4, 4:-4]
    assert np.abs(inner).max() > 8
    steps = np.abs(np.diff(inner, axis=0)).mean()
    assert steps < 0.4 * np.abs(np.diff(pixels(photo), axis=0)).mean()
    assert pixels(strip).shape[1] > 256
    said = json.loads(read_metadata(path)["blendgan"])
    assert said["command"] == "dfi"
    assert said["edits"][0] | {"apart": 0} == {
        "source": "plain", "target": "barred", "alpha": 0.4, "unit": "photo", "neighbours": 5, "apart": 0,
    }  # fmt: skip
    assert said["features"] == {"name": "pico", "fingerprint": "0" * 64}
    assert said["settings"]["size"] == [32, 32]
    assert str(photo.parent) not in json.dumps(said)
    assert run.findings()[0].startswith("plain to barred: 5 neighbours, whose means lie ")
    run.write(with_metadata=False)
    assert read_metadata(path) == {}


def test_outside_the_mask_to_the_bit(features, photo, order, tmp_path):
    levels = np.zeros((72, 72), np.uint8)
    levels[20:40, 10:60] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    (path,) = done(prepare(photo, features, order(mask=load_mask(str(tmp_path / "mask.png"))))).write()
    change = np.abs(pixels(path) - pixels(photo)).max(axis=2)
    assert (change[levels == 0] == 0).all()
    assert change[levels > 0].max() > 8


def test_a_hole_takes_the_place_of_what_was_there(features, photo, order, sets, tmp_path, save, picture):
    levels = np.zeros((72, 72), np.uint8)
    levels[20:40, 10:60] = 255
    Image.fromarray(levels).save(tmp_path / "hole.png")
    edits = (Edit(None, read_set(sets[1]), 1.6),)
    results = []
    other = pixels(photo).astype(np.uint8)
    other[levels > 0] = (255, 0, 0)
    Image.fromarray(other).save(tmp_path / "other.png")
    for file in (photo, tmp_path / "other.png"):
        hole = order(edits=edits, mask=load_mask(str(tmp_path / "hole.png")))
        results.append(pixels(done(prepare(file, features, hole)).write()[0]))
    assert (results[0][levels > 0] == results[1][levels > 0]).all()
    assert (results[0][levels == 0] == pixels(photo)[levels == 0]).all()


def test_a_photo_keeps_its_form(features, sets, order, tmp_path):
    """Alpha, and another aspect than square: the sets must have it, too."""
    random = np.random.default_rng(0)
    for folder in sets:
        for file in folder.iterdir():
            Image.fromarray(random.integers(0, 255, (16, 32, 3), dtype=np.uint8)).save(file)
    levels = random.integers(0, 255, (40, 80, 4), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "wide.png")
    (path,) = done(prepare(tmp_path / "wide.png", features, order(), tmp_path / "new" / "wide.webp")).write()
    with Image.open(path) as result:
        assert (result.mode, result.size) == ("RGBA", (80, 40))
    assert (tmp_path / "new" / "wide.json").is_file()


@pytest.fixture
def oblong(features, sets, monkeypatch, picture, save, tmp_path):
    """A photo and sets of 150 x 100 px; blocks of 32 px, so that 64 x 32 px are worked on."""
    monkeypatch.setattr(features, "multiple", 32)
    monkeypatch.setattr(features, "smallest_px", 32)
    for folder in sets:
        for file in folder.iterdir():
            Image.open(file).resize((150, 100)).save(file)
    return save(tmp_path / "oblong.png", picture(50, 150)[:, :, :100])


def test_sets_of_the_photos_own_size_serve(features, oblong, order, sets):
    (path,) = done(prepare(oblong, features, order(size_px=64))).write()
    change = np.abs(pixels(path) - pixels(oblong))
    assert change.shape == (100, 150, 3)
    assert change.max() > 8
    assert json.loads(read_metadata(path)["blendgan"])["settings"]["size"] == [64, 32]
    Image.new("RGB", (64, 32)).save(sets[0] / "p0.png")  # the size that is worked on is no measure
    with pytest.raises(InputError, match=r"p0.png: found 64 x 32 px, expected the aspect of the photo, 150 x 100: "):
        done(prepare(oblong, features, order(size_px=64)))


def test_a_change_is_stretched_back(features, oblong, order):
    """What lies at some share of the width and height of the picture worked on lies there in the photo."""
    (place,) = prepare(oblong, features, order(size_px=64)).places
    assert place.before.shape[2:] == (32, 64)
    after = place.before.clone()
    after[:, :, 8:16, 32:48] += 0.5  # rows from 1/4 to 1/2, columns from 1/2 to 3/4
    result = place.paste(read_photo(oblong), [place], [after])
    rows, columns = np.nonzero(np.abs(np.asarray(result).astype(int) - pixels(oblong)).max(axis=2) > 30)
    assert [rows.min(), rows.max() + 1] == pytest.approx([25, 50], abs=2)
    assert [columns.min(), columns.max() + 1] == pytest.approx([75, 112.5], abs=2)


def test_few_neighbours_are_doubted_before_the_work(features, photo, order, sets):
    plain, barred = (read_set(each) for each in sets)
    one = PictureSet("onedir", barred.files[:1])
    ten = PictureSet("ten", tuple(photo.with_name(f"{i}.png") for i in range(10)))

    def doubts(*edits, neighbours=None):
        return prepare(photo, features, order(edits=edits, settings=Settings(neighbours))).doubts()

    beside = "apart beside the attribute is moved too; the paper takes 100"
    assert doubts(Edit(plain, one, 0.4)) == [f"only 1 picture of onedir: what sets it {beside}"]
    assert doubts(Edit(plain, barred, 0.4)) == [f"only 5 pictures of plain and of barred: what sets them {beside}"]
    assert doubts(Edit(ten, ten, 0.4)) == []
    assert doubts(Edit(ten, plain, 0.4), Edit(ten, ten, 0.4)) == [f"only 5 pictures of plain: what sets them {beside}"]
    assert doubts(Edit(ten, ten, 0.4), neighbours=9) == [f"only 9 pictures of ten and of ten: what sets them {beside}"]
    filled = order(edits=(Edit(None, barred, 1.0),), mask=load_mask("mouth"))
    assert prepare(photo, features, filled).doubts() == [
        "only 5 pictures of barred: the hole takes what these alone have; the paper takes 100"
    ]


def test_a_face_is_edited_in_its_place(features, order, tmp_path):
    """The shipped detector finds the portrait's face; far from it nothing changes, to the bit."""
    data = pytest.importorskip("skimage.data", reason="scikit-image has the portrait")
    Image.fromarray(data.astronaut()).save(tmp_path / "portrait.png")
    run = done(prepare(tmp_path / "portrait.png", features, order(selection=ALL)))
    (path,) = run.write()
    change = np.abs(pixels(path) - pixels(tmp_path / "portrait.png")).max(axis=2)
    assert change[60:200, 160:290].max() > 8  # the face
    assert change[300:].max() == 0
    assert change[:, :60].max() == change[:, 420:].max() == 0
    (alike,) = done(prepare(tmp_path / "portrait.png", features, order(0.0, selection=ALL))).write()
    assert (pixels(alike) == pixels(tmp_path / "portrait.png")).all()


def test_masks_of_faces(features, order, tmp_path):
    """A region lies in the face's frame, a file in the photo's; a face that it leaves out is left out."""
    data = pytest.importorskip("skimage.data", reason="scikit-image has the portrait")
    photo = tmp_path / "portrait.png"
    Image.fromarray(data.astronaut()).save(photo)
    (path,) = done(prepare(photo, features, order(selection=ALL, mask=load_mask("mouth")))).write()
    change = np.abs(pixels(path) - pixels(photo)).max(axis=2)
    rows, columns = np.nonzero(change)
    assert 120 < rows.min() < rows.max() < 190  # the mouth is at (225, 155)
    assert 180 < columns.min() < columns.max() < 270
    levels = np.zeros((512, 512), np.uint8)
    levels[60:120, 180:270] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    (path,) = done(prepare(photo, features, order(selection=ALL, mask=load_mask(str(tmp_path / "mask.png"))))).write()
    rows, columns = np.nonzero(np.abs(pixels(path) - pixels(photo)).max(axis=2))
    assert 50 < rows.min() < rows.max() < 130
    assert 170 < columns.min() < columns.max() < 280
    Image.fromarray(np.roll(levels, 300, axis=0)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match=r"mask.png: covers no face of portrait.png, expected white over one"):
        prepare(photo, features, order(selection=ALL, mask=load_mask(str(tmp_path / "mask.png"))))


def test_a_hole_in_a_face(features, order, sets, tmp_path):
    """What the photo has in the hole is gone, and of what is around it no pixel changes."""
    data = pytest.importorskip("skimage.data", reason="scikit-image has the portrait")
    levels = np.zeros((512, 512), np.uint8)
    levels[60:90, 200:250] = 255  # the forehead
    Image.fromarray(levels).save(tmp_path / "hole.png")
    marked = data.astronaut()
    marked[62:88, 202:248] = (0, 255, 0)
    Image.fromarray(marked).save(tmp_path / "marked.png")
    edits = (Edit(None, read_set(sets[1]), 0.0, "sets"),)  # a step of nothing: the hole's grey, as it is rebuilt
    hole = order(edits=edits, selection=ALL, mask=load_mask(str(tmp_path / "hole.png")))
    (path,) = done(prepare(tmp_path / "marked.png", features, hole)).write()
    result = pixels(path)
    change = np.abs(result - marked).max(axis=2)
    rows, columns = np.nonzero(change)
    assert 50 < rows.min() < rows.max() < 100  # the crop's pixels are large: the mask's edge is soft there
    assert 190 < columns.min() < columns.max() < 260
    assert np.abs(result[70:80, 210:240] - 128).max() < 40


def test_what_is_refused_before_any_work(features, photo, order, tmp_path, sets):
    Image.new("L", (72, 30), 255).save(tmp_path / "wide.png")
    Image.new("L", (72, 72), 0).save(tmp_path / "black.png")
    wide, black = load_mask(str(tmp_path / "wide.png")), load_mask(str(tmp_path / "black.png"))
    hole = (Edit(None, read_set(sets[1]), 1.6),)
    for changes, out, error, line in [
        ({"mask": wide}, None, InputError, "wide.png: found a mask of 72 x 30 px, expected the aspect of the photo"),
        ({"mask": black}, None, InputError, "black.png: found a mask that is black all over"),
        ({"edits": hole}, None, InputError, "inpaint: found no mask"),
        ({"size_px": 5}, None, InputError, "size: found 5 px, expected at least 8 for pico"),
        ({"settings": Settings(neighbours=9)}, None, InputError, "plain: found 5 pictures"),
        (
            {"settings": Settings(attributes=(PictureSet("odd", (photo,)),))},
            None,
            InputError,
            "odd: found none of its 1",
        ),
        ({}, photo, InputError, "would be written over the photo"),
        ({}, photo.with_suffix(".gif"), InputError, "found the ending '.gif'"),
        ({"selection": ALL}, None, NoFaceFound, "photo.png"),
    ]:
        with pytest.raises(error, match=line):
            prepare(photo, features, order(**changes), out)
    assert not list(tmp_path.glob("*.dfi.*"))


def test_edits_of_a_command_line(sets):
    plain, barred = sets
    one, two = edits_in_turn([plain, barred], [barred, plain], [0.3, 0.5])
    assert (one.alpha, two.alpha, two.target.name) == (0.3, 0.5, "plain")
    assert [edit.alpha for edit in edits_in_turn([plain, barred], [barred, plain], [0.7])] == [0.7, 0.7]
    assert edits_in_turn([plain], [barred], [])[0].alpha == 0.4
    (hole,) = filling([barred], [])
    assert hole.unit == "sets"
    assert (hole.alpha, hole.source) == (1.0, None)
    for build, line in [
        (lambda: edits_in_turn([plain], [], []), "edits: found 1 source and 0 targets, expected one --source for"),
        (lambda: edits_in_turn([plain] * 3, [barred] * 3, [1, 2]), "alpha: found 2 for 3 edits, expected one for all"),
        (lambda: edits_in_turn([plain], [barred], [1, 2]), "alpha: found 2 for 1 edit, expected one$"),
        (lambda: filling([plain, barred], []), "inpaint: found 2 targets, expected one"),
    ]:
        with pytest.raises(InputError, match=line):
            build()
