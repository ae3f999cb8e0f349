"""Sweeps over networks whose effect is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from blendgan.dni import sweep_picture
from blendgan.dni.barrier import barrier
from blendgan.dni.bench import open_bench, output
from blendgan.dni.degradation import clean_files, degrade, pattern_seed, read_clean
from blendgan.dni.quality import mse, open_metric, psnr
from blendgan.dni.sweep import sweep, swept
from blendgan.dni.sweep_journal import KIND
from blendgan.dni.sweep_setting import Dropped, Finished, Measured, Setting
from blendgan.dni.sweep_table import sentences, table_json
from stylegan2.errors import InputError, ShapeMismatch

PSNR = open_metric("psnr")
ALL = Setting(noise=(20.0,), pruning="none")


@pytest.fixture
def files(tmp_path, smooth_pictures):
    return clean_files(smooth_pictures(tmp_path / "pictures", 7))


@pytest.fixture
def pair(networks, smoother):
    """A does nothing, B smooths too much."""
    return networks(a=smoother(0.0), b=smoother(1.6))


def test_every_figure_is_what_one_would_measure_by_hand(pair, files):
    table = swept(sweep(pair, files, PSNR, ALL))
    (curve,) = table.curves
    assert [point.alpha for point in curve.points] == [i / 20 for i in range(21)]
    bench = open_bench(*pair)
    clean = [read_clean(file, 1, 1, 256) for file in files]
    given = [degrade(one, 1, 20, pattern_seed(0, file)) for one, file in zip(clean, files, strict=True)]
    for alpha in (0, 0.35, 1):
        outputs = [output(bench.network(alpha), one) for one in given]
        point = curve.at(alpha)
        assert point.value == pytest.approx(np.mean([psnr(a, b) for a, b in zip(outputs, clean, strict=True)]))
        assert point.loss == pytest.approx(np.mean([mse(a, b) for a, b in zip(outputs, clean, strict=True)]))
        assert point.pictures == curve.pictures == 7
    assert curve.input_value == pytest.approx(np.mean([psnr(a, b) for a, b in zip(given, clean, strict=True)]))
    assert curve.points[0].value == pytest.approx(curve.input_value)
    assert 1 < curve.best.value - curve.points[0].value
    assert 0.2 < curve.best.alpha < 0.6
    assert curve.barrier == barrier(
        [p.alpha for p in curve.points], [p.loss for p in curve.points], mse_of(given, clean)
    )


def mse_of(given, clean):
    return float(np.mean([mse(a, b) for a, b in zip(given, clean, strict=True)]))


def test_networks_that_differ_in_a_last_layer_give_the_mean_of_pixels(pair, files):
    (curve,) = swept(sweep(pair, files, PSNR, ALL)).curves
    assert [point.value for point in curve.points] == pytest.approx([point.pixels for point in curve.points], abs=0.02)
    assert curve.barrier.verdict == "interpolates"
    assert curve.barrier.gain > 0


def test_channels_in_another_order_are_a_barrier(networks, smoother, files):
    pair = networks(a=smoother(0.9), b=smoother(0.9, turned=True))
    (curve,) = swept(sweep(pair, files, PSNR, ALL)).curves
    assert curve.points[0].value == pytest.approx(curve.points[-1].value, abs=1e-4)  # the same network
    assert curve.barrier.verdict == "no common ground"
    assert curve.barrier.worst == 0.5
    assert curve.at(0.5).value == pytest.approx(curve.input_value, abs=1e-3)  # both channels cancel
    assert curve.at(0.5).pixels == pytest.approx(curve.points[0].value, abs=1e-4)


def test_pruning_drops_what_cannot_win_and_nothing_else(pair, files):
    events = list(sweep(pair, files, PSNR, replace(ALL, pruning="race")))
    whole = swept(sweep(pair, files, PSNR, ALL)).curves[0]
    curve = events[-1].table.curves[0]
    dropped = [alpha for event in events if isinstance(event, Dropped) for alpha in event.alphas]
    measured = [event for event in events if isinstance(event, Measured)]
    assert dropped
    assert len(measured) < 21 * 7
    assert measured[-1].done == measured[-1].total == len(measured)
    assert curve.best == whole.best
    assert sorted(dropped) == [point.alpha for point in curve.points if curve.is_dropped(point)]
    assert not {0, 0.5, 1, whole.best.alpha} & set(dropped)
    assert {point.pictures for point in curve.points} <= {3, 6, 7}
    for point in curve.points:  # what stands for those that were dropped is near to what they would have had
        assert point.value == pytest.approx(whole.at(point.alpha).value, abs=0.3)


def test_the_events_end_with_the_table(pair, files):
    *events, last = sweep(pair, files[:2], PSNR, ALL)
    assert isinstance(last, Finished)
    assert [event.done for event in events] == list(range(1, 43))
    assert {event.total for event in events} == {42}
    assert {event.picture for event in events} == {"p0.png", "p1.png"}
    assert (events[0].a, events[0].b, events[0].noise) == ("a", "b", 20.0)


def test_several_ends_and_levels_give_a_curve_each(networks, smoother, files):
    three = networks(a=smoother(0.0), b=smoother(1.0), c=smoother(2.0))
    table = swept(sweep(three, files[:2], PSNR, Setting(noise=(10.0, 30.0), steps=2)))
    assert [(c.a, c.b, c.noise) for c in table.curves] == [
        ("a", "b", 10),
        ("a", "b", 30),
        ("a", "c", 10),
        ("a", "c", 30),
    ]
    assert table.curves[0].points[0].value == table.curves[2].points[0].value
    assert table.curves[0].at(1).value == pytest.approx(table.curves[2].at(0.5).value, abs=1e-3)
    assert len(sentences(table)) == 4
    said = json.loads(json.dumps(table_json(table), allow_nan=False))
    assert said["curves"][1]["points"][2] == {
        "alpha": 1.0, "value": table.curves[1].points[2].value, "pixels": table.curves[1].points[2].pixels,
        "loss": table.curves[1].points[2].loss, "pictures": 2, "dropped": False,
    }  # fmt: skip


def test_networks_of_one_file_name_have_one_label_each_in_a_whole_sweep(networks, smoother, files):
    a, b, c = networks(a=smoother(0.0), b=smoother(0.8), c=smoother(1.6))
    trio = [replace(a, name="x/net.pth"), replace(b, name="y/net.pth"), replace(c, name="other.pth")]
    table = swept(sweep(trio, files[:2], PSNR, Setting(noise=(20.0,), steps=2)))
    assert [(curve.a, curve.b) for curve in table.curves] == [("x/net.pth", "y/net.pth"), ("x/net.pth", "other")]
    long = [f"my_long_experiment_name_dncnn_sigma{level}_iter_200000" for level in (20, 60)]
    (title,) = sweep_picture._titles(replace(table, curves=(replace(table.curves[0], a=long[0], b=long[1]),)))
    assert title.startswith("...sigma20_iter_200000 to ...sigma60_iter_200000, noise 20, best alpha ")


def test_a_network_that_enlarges_is_given_shrunk_pictures(networks, compact, files):
    pair = networks(a=compact(0), b=compact(1))
    (curve,) = swept(sweep(pair, files[:2], open_metric("ssim"), Setting(steps=2))).curves
    clean = read_clean(files[0], 3, 2, 256)
    assert degrade(clean, 2, 0, 0).shape == (1, 3, 16, 16)
    assert curve.noise == 0
    assert curve.input_value > 0.9  # smooth pictures survive shrinking
    assert curve.points[0].value != curve.points[1].value != curve.points[2].value


def test_the_same_seed_the_same_figures(pair, files):
    tables = [table_json(swept(sweep(pair, files[:3], PSNR, replace(ALL, steps=2, seed=seed)))) for seed in (0, 0, 1)]
    assert tables[0] == tables[1]
    assert tables[0]["curves"] != tables[2]["curves"]


class Interrupted(Exception):
    """Instead of Ctrl-C."""


def test_a_sweep_goes_on_where_it_was_interrupted(pair, files, tmp_path):
    journal = tmp_path / "out" / "sweep.jsonl"
    events = sweep(pair, files, PSNR, ALL, journal=journal)
    for event in events:
        if event.done == 50:
            events.close()
            break
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"of": "cut sho')
    seen = []
    counting = replace(PSNR, measure=lambda a, b: seen.append(1) or psnr(a, b))
    resumed = swept(sweep(pair, files, counting, ALL, journal=journal))
    once = len(seen)
    assert 0 < once < 7 * (21 + 21 + 1) - 50
    assert table_json(resumed) == table_json(swept(sweep(pair, files, PSNR, ALL)))
    assert table_json(swept(sweep(pair, files, counting, ALL, journal=journal))) == table_json(resumed)
    assert len(seen) == once  # the second time nothing is measured


def test_pictures_and_levels_may_be_added_to_a_journal(pair, files, tmp_path):
    journal = tmp_path / "sweep.jsonl"
    swept(sweep(pair, files[:3], PSNR, ALL, journal=journal))
    more = replace(ALL, noise=(20.0, 30.0))
    assert table_json(swept(sweep(pair, files, PSNR, more, journal=journal))) == table_json(
        swept(sweep(pair, files, PSNR, more))
    )


def test_another_journal_is_refused_in_one_line(pair, files, tmp_path):
    journal = tmp_path / "sweep.jsonl"
    swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2), journal=journal))
    with pytest.raises(
        InputError, match=r"the journal of another sweep: found --crop 256, expected --crop 16; choose another"
    ):
        swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2, crop_px=16), journal=journal))
    whole = journal.read_text(encoding="utf-8").splitlines()
    journal.write_text("\n".join([whole[0], "damaged", *whole[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2 is damaged, expected figures of a sweep; choose another --outdir"):
        swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2), journal=journal))
    entry = json.loads(whole[1])
    short = json.dumps({**entry, "figures": entry["figures"][:1]})
    journal.write_text("\n".join([whole[0], short, *whole[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"found 1 figures of .*, expected 2; choose another --outdir"):
        swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2), journal=journal))
    journal.write_text(json.dumps({"journal": "another"}) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="found another file, expected the journal of a sweep"):
        swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2), journal=journal))
    journal.write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="found bytes that are no text"):
        swept(sweep(pair, files[:1], PSNR, replace(ALL, steps=2), journal=journal))
    assert KIND in whole[0]


def test_what_cannot_be_swept(networks, smoother, dncnn, files):
    a, b, wide = networks(a=smoother(0.0), b=smoother(1.0), wide=dncnn(0))
    with pytest.raises(InputError, match="networks: found 1, expected at least two"):
        list(sweep([a], files, PSNR, ALL))
    with pytest.raises(InputError, match="noise: found none"):
        list(sweep([a, b], files, PSNR))
    with pytest.raises(ShapeMismatch, match=r"conv.0.bias: .*a.safetensors has shape \[2\], .*wide"):
        list(sweep([a, wide], files, PSNR, ALL))
    with pytest.raises(InputError, match="steps: found 3, expected an even number"):
        Setting(steps=3)
    with pytest.raises(InputError, match="pictures: found none"):
        list(sweep([a, b], [], PSNR, ALL))


def test_a_network_with_infinities_is_told(networks, smoother, files):
    broken = smoother(1.0)
    broken["conv.1.bias"] = torch.full((2,), torch.nan)
    from stylegan2.errors import CheckpointError

    with pytest.raises(CheckpointError, match=r"NaN"):
        list(sweep(networks(a=smoother(0.0), b=broken), files, PSNR, ALL))
