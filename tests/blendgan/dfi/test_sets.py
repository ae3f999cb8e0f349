from __future__ import annotations

import pytest
import torch
from PIL import Image

from blendgan.dfi import directions
from blendgan.dfi.directions import Direction, Read, find_direction, find_filling, neighbour_count
from blendgan.dfi.features import space_about
from blendgan.dfi.sets import PictureSet, matches, read_picture, read_set, resized, without
from stylegan2.errors import InputError


def last(events):
    """What a search returns, and what it yielded."""
    yielded = []
    while True:
        try:
            yielded.append(next(events))
        except StopIteration as end:
            return end.value, yielded


def test_folder_and_list_are_the_same_set(sets, tmp_path):
    plain, _ = sets
    names = "# by eye\n\n" + "\n".join(f"  p{i}.png  " for i in range(5)) + "\np0.png\n"
    (tmp_path / "few.txt").write_text(names, encoding="utf-8")
    listed = read_set(tmp_path / "few.txt", plain)
    assert listed.name == "few"
    assert listed.files == read_set(plain).files == tuple(plain / f"p{i}.png" for i in range(5))
    (plain / "few.txt").write_text("p3.png\n", encoding="utf-8")
    assert read_set(plain / "few.txt").files == (plain / "p3.png",)


def test_bad_sets(sets, tmp_path):
    plain, _ = sets
    (tmp_path / "empty").mkdir()
    lists = {"none.txt": b"# nothing\n\n", "gone.txt": b"p0.png\np9.png\n", "bytes.txt": b"\xff\xfe\x00p\n"}
    for name, contents in lists.items():
        (tmp_path / name).write_bytes(contents)
    for source, line in {
        "nowhere": "nowhere: no such folder or file; expected a folder of pictures, or a list",
        "plain/p0.png": "p0.png: a file that is no list; expected a folder",
        "empty": "empty: found no pictures in it or below",
        "none.txt": "none.txt: found no names; expected the pictures' names, one a line",
        "gone.txt": "gone.txt: line 2: 'p9.png' is not in .*; say where the pictures are with --pictures",
        "bytes.txt": "bytes.txt: not text in UTF-8",
    }.items():
        with pytest.raises(InputError, match=line):
            read_set(tmp_path / source, plain)
    with pytest.raises(InputError, match="nowhere: no such folder; expected that of the pictures which none.txt names"):
        read_set(tmp_path / "none.txt", tmp_path / "nowhere")


def test_pictures_of_sets(tmp_path):
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "wide.png")
    (tmp_path / "no.png").write_text("no picture", encoding="utf-8")
    assert read_picture(tmp_path / "wide.png", 8, 16)[0, :, 0, 0].tolist() == [1, -1, -1]
    with pytest.raises(InputError, match=r"wide.png: found 40 x 20 px, expected the aspect of 16 x 16: .* aligned as"):
        read_picture(tmp_path / "wide.png", 16, 16)
    assert read_picture(tmp_path / "wide.png", 16, 16, (100, 200)).shape == (1, 3, 16, 16)
    assert read_picture(tmp_path / "wide.png", 16, 16, (102, 200)).shape == (1, 3, 16, 16)
    with pytest.raises(InputError, match=r"found 40 x 20 px, expected the aspect of the photo, 150 x 100: the sets'"):
        read_picture(tmp_path / "wide.png", 8, 16, (100, 150))
    with pytest.raises(InputError, match="no.png: not a picture"):
        read_picture(tmp_path / "no.png", 8, 8)


def test_resizing_does_not_overshoot():
    edge = torch.full((1, 3, 8, 8), -1.0)
    edge[..., 4:] = 1
    large = resized(edge, 32, 32)
    assert large.shape == (1, 3, 32, 32)
    assert float(large.abs().max()) == 1
    assert resized(edge, 8, 8) is edge


def test_how_many_neighbours(tmp_path):
    few, many = PictureSet("few", (tmp_path / "a",)), PictureSet("many", tuple(tmp_path / str(i) for i in range(120)))
    assert neighbour_count(None, many, many) == 100
    assert neighbour_count(None, few, many) == 1
    assert neighbour_count(7, many) == 7
    with pytest.raises(InputError, match="few: found 1 picture .*, expected at least 2; add some, or .* -k"):
        neighbour_count(2, many, few)
    with pytest.raises(InputError, match="few: found 0 pictures"):
        neighbour_count(None, without(few, tmp_path / "a"), many)


def test_nearest_by_attributes_then_by_cosine(features, picture, save, tmp_path):
    """The photo's own picture is the nearest by cosine; one that shares attributes comes before it."""
    photo = picture(0)
    files = [save(tmp_path / f"{i}.png", picture(i)) for i in range(4)]
    others = PictureSet("others", tuple(save(tmp_path / "o" / f"{i}.png", picture(20 + i)) for i in range(3)))
    pictures, space = PictureSet("all", tuple(files)), space_about(features, photo)
    deep = [features.layers(read_picture(file, 32, 32))[-1].flatten() for file in files]
    mine = features.layers(photo)[-1].flatten()
    cosines = [float((mine @ x) / (mine.norm() * x.norm())) for x in deep]
    by_cosine = [files[i] for i in sorted(range(4), key=lambda i: -cosines[i])]
    assert by_cosine[0] == files[0]
    found, _ = last(find_direction(space, photo, others, pictures, 3))
    assert list(found.target) == by_cosine[:3]
    attributes = [PictureSet("a", (files[2], files[3])), PictureSet("b", (files[3],))]
    assert matches(files, attributes) == [0, 0, 1, 2]
    found, _ = last(find_direction(space, photo, others, pictures, 3, attributes))
    assert list(found.target) == [files[3], files[2], files[0]]


@pytest.mark.parametrize(("kept", "indices"), [(10**9, [4, 5, 9, 10]), (0, [4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18])])
def test_direction_is_the_difference_of_means(features, picture, sets, monkeypatch, kept, indices):
    """Whether or not the features of the neighbours are kept until it is known which they are."""
    monkeypatch.setattr(directions, "KEPT_BYTES", kept)
    plain, barred = (read_set(each) for each in sets)
    photo = picture(50)
    space = space_about(features, photo)
    found, events = last(find_direction(space, photo, plain, barred, 4))
    assert isinstance(found, Direction)
    assert [event.index for event in events] == indices
    assert {event.total for event in events} == {indices[-1]}
    means = [
        torch.stack([space.of(read_picture(file, 32, 32))[0].double() for file in files]).mean(dim=0)
        for files in (found.source, found.target)
    ]
    w = means[1] - means[0]
    assert found.length == pytest.approx(float(w.square().mean().sqrt()), rel=1e-4)
    assert float(found.unit.square().mean()) == pytest.approx(1, rel=1e-4)
    torch.testing.assert_close(found.unit.double() * found.length, w, rtol=1e-3, atol=1e-4)


def test_sets_that_are_one_set(features, picture, sets):
    plain = read_set(sets[0])
    space = space_about(features, picture(50))
    with pytest.raises(
        InputError, match="sets: their mean features differ by 0, expected two sets that look different"
    ):
        last(find_direction(space, picture(50), plain, plain, 4))


def test_filling_is_from_hidden_to_whole(features, picture, sets):
    """Both means are of the same pictures; neighbours are found among those with the hole."""

    def hide(x):
        hidden = x.clone()
        hidden[..., :16, :] = 0
        return hidden

    barred = read_set(sets[1])
    photo = hide(picture(50))
    space = space_about(features, photo)
    found, events = last(find_filling(space, photo, barred, 2, hide))
    assert found.source == found.target
    assert events[-1] == Read(7, 7)
    wholes = [read_picture(file, 32, 32) for file in found.target]
    w = torch.stack([(space.of(x) - space.of(hide(x)))[0] for x in wholes]).mean(dim=0)
    torch.testing.assert_close(found.unit * found.length, w, rtol=1e-3, atol=1e-4)
    hidden = [features.layers(hide(read_picture(file, 32, 32)))[-1].flatten() for file in barred.files]
    mine = features.layers(photo)[-1].flatten()
    cosines = torch.stack([mine @ x / (mine.norm() * x.norm()) for x in hidden])
    assert found.target[0] == barred.files[int(cosines.argmax())]
