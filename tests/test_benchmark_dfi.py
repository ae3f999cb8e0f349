"""The study of DFI's attributes: who is in which part, a judge that learns what it is shown, and the tables."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
LISTS = sorted((ROOT / "benchmarks" / "dfi").glob("*.txt"))


def test_parts_follow_from_names_alone(benchmark):
    split = benchmark("dfi_split")
    names = [f"face_{i:04d}.jpg" for i in range(4000)]
    parts = {part: [name for name in names if split.part_of(name) == part] for part in split.PARTS}
    assert sum(split.PARTS.values()) == pytest.approx(1)
    assert sum(map(len, parts.values())) == len(names)
    for part, share in split.PARTS.items():
        assert len(parts[part]) / len(names) == pytest.approx(share, abs=0.03)
    others = [name for name in names if split.part_of(name, seed=11) == "sets"]
    assert set(others) != set(parts["sets"])
    files = [Path("somewhere") / name for name in names]
    chosen = split.in_part(files, "tests")
    assert {file.name for file in chosen} == set(parts["tests"])
    assert chosen == split.in_part(files[::-1], "tests")
    assert split.place_of("us_0002.jpg") == 0xCE73604022C7 / 2**48  # sha256sum of 10:us_0002.jpg


def test_lists_hold_names_alone_and_pairs_share_none(benchmark):
    split = benchmark("dfi_split")
    names = {file.stem: file.read_text(encoding="utf-8").splitlines() for file in LISTS}
    assert {name for each in split.ATTRIBUTES for name in (each.source, each.target)} == set(names)
    for lines in names.values():
        assert all(re.fullmatch(r"(us|uk|cg)_\d{4}\.jpg", line) for line in lines)
        assert len(set(lines)) == len(lines) >= 150
    for each in split.ATTRIBUTES:
        assert not set(names[each.source]) & set(names[each.target])
    assert not set(benchmark("dfi_faces").PHOTOS) & {line for lines in names.values() for line in lines}


def test_lists_of_a_part(benchmark, shared):
    split = benchmark("dfi_split")
    for attribute in split.ATTRIBUTES:
        parts = [split.lists_of(attribute, shared / "data" / "faces", part) for part in split.PARTS]
        sources, targets = zip(*parts, strict=True)
        for sets, name in ((sources, attribute.source), (targets, attribute.target)):
            files = [file for each in sets for file in each.files]
            lines = (ROOT / "benchmarks" / "dfi" / f"{name}.txt").read_text(encoding="utf-8").split()
            assert sorted(file.name for file in files) == sorted(lines)
            assert {each.name for each in sets} == {name}
        assert len(sources[2].files) >= 16


@pytest.fixture
def faces():
    """`faces(count, seed, bar)`: smooth noise [N, 3, 128, 128] in [-1, 1], with or without a dark bar at the eyes."""

    def draw(count, seed, *, bar):
        random = torch.Generator().manual_seed(seed)
        small = torch.rand(count, 3, 8, 8, generator=random) * 1.2 - 0.6
        drawn = torch.nn.functional.interpolate(small, (128, 128), mode="bicubic", align_corners=False).clamp(-1, 1)
        if bar:
            drawn[:, :, 56:62, 40:90] = -0.9
        return drawn

    return draw


def test_a_judge_learns_what_sets_two_sets_apart(benchmark, faces):
    judging = benchmark("dfi_judge")
    box = (28, 32, 72)
    judge = judging.train(faces(12, 0, bar=False), faces(8, 1, bar=True), box)
    assert judging.accuracy(judge, faces(10, 2, bar=False), faces(10, 3, bar=True)) == 1
    assert judging.accuracy(judge, faces(10, 3, bar=True), faces(10, 2, bar=False)) == 0
    assert judging.cross_validated(faces(10, 4, bar=False), faces(10, 5, bar=True), box) == 1
    guessed = judging.cross_validated(faces(20, 6, bar=False), faces(20, 7, bar=False), box)
    assert 0.2 < guessed < 0.8


def test_a_judge_sees_its_box_alone_and_both_ways_round(benchmark, faces):
    judging = benchmark("dfi_judge")
    judge = judging.train(faces(6, 0, bar=False), faces(6, 1, bar=True), (28, 32, 72))
    seen = faces(2, 2, bar=True)
    torch.testing.assert_close(judge.logits(seen.flip(3)), judge.logits(seen))
    changed = seen.clone()
    changed[:, :, 104:], changed[:, :, :32] = 1, 1
    changed[..., :28], changed[..., 100:] = -1, -1
    torch.testing.assert_close(judge.logits(changed), judge.logits(seen))
    changed[:, :, 56:62, 40:90] = 0.3
    assert float((judge.logits(changed) - judge.logits(seen)).max()) < -0.5


def record(tables, strength, method="dfi", **changes):
    made = tables.Record("glasses", "a.jpg", method, strength, -2.0, -2.0, -1.0, 0.1, 0.1, 0.0, 9.0, 4.0, 2.0)
    return dataclasses.replace(made, **changes)


def test_crossed_counts_those_that_began_as_the_source(benchmark):
    tables = benchmark("dfi_tables")
    found = [
        record(tables, 0.2, logit=0.5),
        record(tables, 0.2, logit=-0.1),
        record(tables, 0.2, photo_logit=0.3, logit=4.0),
    ]
    assert tables.crossed(found) == (1, 2)
    assert tables.gain(found) == pytest.approx((2.5 + 1.9 + 6.0) / 3)
    assert tables.mean_of([*found, record(tables, 0.2, to_photo=None)], "to_photo") is None


def test_figures_at_the_same_gain(benchmark):
    """Gains of 0, 2, 4 at distances of 0.5, 0.6, 0.8 to the photo and of 0, 0.2, 0.6 to its own projection."""
    tables = benchmark("dfi_tables")
    steps = {
        strength: [record(tables, strength, "latent", logit=logit, to_photo=photo, to_base=base, base_to_photo=0.5)]
        for strength, logit, photo, base in ((1.0, 0.0, 0.6, 0.2), (2.0, 2.0, 0.8, 0.6))
    }
    assert tables.at_gain(steps, 1.0, "to_photo") == pytest.approx(0.55)
    assert tables.at_gain(steps, 3.0, "to_photo") == pytest.approx(0.7)
    assert tables.at_gain(steps, 1.0, "to_base") == pytest.approx(0.1)
    assert tables.at_gain(steps, 4.1, "to_photo") is None


def test_the_tables(benchmark):
    tables = benchmark("dfi_tables")
    records = [
        record(tables, 1.0, "latent", logit=0.0, base_to_photo=0.5),
        record(tables, 0.4, logit=1.0),
        record(tables, 0.2),
        record(tables, 1.0, "pixels", to_photo=None, base_to_photo=None),
    ]
    judges = [tables.Judged("glasses", (80, 84), (81, 73), 0.926, 0.941, 208)]
    text = tables.text_of(records, judges, {"dfi": 370_000_000})
    assert "| glasses | 80 / 84 | 81 / 73 | 93% | 94% | 208 |" in text
    lines = [line for line in text.splitlines() if line.startswith("| glasses | ")][1:]
    assert lines[0] == "| glasses | DFI | 0.2 | +1.0 ± 0.0 | 0 of 1 | 0.10 |  | 9.0 | 4.0 |"
    assert lines[2] == "| glasses | latent | 1 | +2.0 ± 0.0 | 0 of 1 | 0.10 | 0.10 | 9.0 | 4.0 |"
    assert lines[3] == "| glasses | mean pictures | 1 | +1.0 ± 0.0 | 0 of 1 | – |  | 9.0 | 4.0 |"
    assert lines[4] == "| glasses | +3.0 | 0.10 | – | – | – | 0.50 |"
    assert "| DFI | 2 | 0.37 GB |" in text


def test_the_page_has_a_place_for_the_study(benchmark):
    text = (ROOT / "docs" / "dfi.md").read_text(encoding="utf-8")
    command = benchmark("dfi_attributes").COMMAND
    assert text.count(f"<!-- attributes: python -m {command} --into this file -->") == 1
    assert text.count("<!-- end of attributes -->") == 1


def test_mean_pictures_are_added(benchmark, tmp_path, faces, save_face):
    edits = benchmark("dfi_edits")
    sets = benchmark("dfi_split").PictureSet
    plain = sets("plain", tuple(save_face(tmp_path / f"p{i}.png", faces(1, i, bar=False)) for i in range(2)))
    barred = sets("barred", tuple(save_face(tmp_path / f"b{i}.png", faces(1, i, bar=True)) for i in range(2)))
    photo = save_face(tmp_path / "photo.png", faces(1, 9, bar=False))
    found = list(edits.by_pixels(photo, edits.Sets(plain, barred, None)))
    assert [each.strength for each in found] == list(edits.STRENGTHS["pixels"])
    change = found[1].picture - found[1].base
    assert float(change[:, :, :56].abs().max()) == 0
    assert float(change[:, :, 56:62, 40:90].max()) < 0


@pytest.fixture
def save_face():
    """`save_face(file, picture)`: [1, 3, H, W] as PNG; returns the file."""

    def write(file, picture):
        from blendgan.images import to_pictures

        to_pictures(picture)[0].save(file)
        return file

    return write
