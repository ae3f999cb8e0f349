"""REPAIR: what it restores, and what it leaves as it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from blendgan.dni.degradation import clean_files
from blendgan.dni.mixing import interpolate
from blendgan.dni.quality import open_metric
from blendgan.dni.repair import Repairer, file_names, repair, statistics
from blendgan.dni.repair_pictures import repair_pictures
from blendgan.dni.sweep import sweep, swept
from blendgan.dni.sweep_setting import Setting
from blendgan.restoration.foreign import Described
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import InputError, RecipeError


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(3, 1, 20, 24, generator=torch.Generator().manual_seed(9))


def deviation(restorer, name, pictures):
    return statistics(restorer, pictures)[name].deviation


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
def test_every_hidden_layer_has_the_mix_of_the_parents_statistics(dncnn, pictures, alpha):
    a, b = dncnn(0), dncnn(1)
    mixed = interpolate([a, b], (1 - alpha, alpha))
    done, found = repair([a, b], (1 - alpha, alpha), mixed, pictures)
    of_a, of_b, of_done, of_mixed = (statistics(recognise(state, "test"), pictures) for state in (a, b, done, mixed))
    assert found.layers == tuple(of_done) == ("conv.0", "conv.1", "conv.2")
    assert found.left_alone == ("conv.3",)
    for name, now in of_done.items():
        for kind in ("mean", "deviation"):
            target = (1 - alpha) * getattr(of_a[name], kind) + alpha * getattr(of_b[name], kind)
            torch.testing.assert_close(getattr(now, kind), target, rtol=1e-5, atol=1e-5)
        assert (of_mixed[name].deviation - target).abs().max() > 0.01  # deviations add up to less than their mean
    assert list(done) == list(mixed)
    assert all(done[name].dtype == mixed[name].dtype for name in mixed)
    assert torch.equal(done["conv.3.weight"], mixed["conv.3.weight"])


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0)])
def test_at_the_ends_nothing_changes_to_the_bit(dncnn, pictures, weights):
    a, b = dncnn(0), dncnn(1)
    assert not torch.equal(a["conv.0.weight"], b["conv.0.weight"])
    mixed = interpolate([a, b], weights)
    done, found = repair([a, b], weights, mixed, pictures)
    assert found.layers == ()
    assert all(torch.equal(done[name], (a if weights[0] else b)[name]) for name in a)


def test_a_network_with_itself_stays_what_it_was(dncnn, pictures):
    a = dncnn(0)
    done, _ = repair([a, a], (0.5, 0.5), a, pictures)
    for name in a:
        torch.testing.assert_close(done[name], a[name], rtol=1e-5, atol=1e-6)


def test_nothing_given_is_changed(dncnn, pictures):
    a, b = dncnn(0), dncnn(1)
    mixed = interpolate([a, b], (0.5, 0.5))
    before = {name: tensor.clone() for name, tensor in mixed.items()}
    done, _ = repair([a, b], (0.5, 0.5), mixed, pictures)
    assert all(torch.equal(mixed[name], before[name]) for name in mixed)
    assert not torch.equal(done["conv.1.weight"], before["conv.1.weight"])


def test_three_networks_and_colour(compact):
    states = [compact(seed) for seed in (0, 1, 2)]
    weights = (0.5, 0.3, 0.2)
    pictures = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    done, found = repair(states, weights, interpolate(states, weights), pictures)
    assert found.layers == ("body.0", "body.2")
    parents = [statistics(recognise(state, "test"), pictures) for state in states]
    target = sum(w * parent["body.2"].deviation for w, parent in zip(weights, parents, strict=True))
    torch.testing.assert_close(deviation(recognise(done, "test"), "body.2", pictures), target, rtol=1e-5, atol=1e-6)


def test_half_precision_stays_half_precision(dncnn, pictures):
    a, b = ({name: tensor.half() for name, tensor in dncnn(seed).items()} for seed in (0, 1))
    done, _ = repair([a, b], (0.5, 0.5), interpolate([a, b], (0.5, 0.5)), pictures)
    assert {tensor.dtype for tensor in done.values()} == {torch.float16}


class Chain(nn.Module):
    """A layer without bias, one that is used twice, and one that makes the picture."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 1, 3, padding=1)
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=random))
        self.requires_grad_(False)

    def forward(self, x):
        x = self.twice(torch.relu(self.first(x)))
        return self.last(torch.relu(self.twice(torch.relu(x))))


def chain(seed: int) -> Restorer:
    return Restorer(Chain(seed), "chain", 1, 1, 4)


def test_without_a_bias_the_scale_alone_is_restored_and_layers_used_twice_are_left(pictures):
    a, b, between = chain(0), chain(1), chain(2)
    done = Repairer([a, b], pictures).repair(between, (0.5, 0.5))
    assert (done.layers, done.scale_only, done.left_alone) == (("first",), ("first",), ("twice", "last"))
    assert "1 of them, without a bias, in scale alone; twice, last left as they were" in done.sentence
    target = (deviation(a, "first", pictures) + deviation(b, "first", pictures)) / 2
    torch.testing.assert_close(deviation(done.restorer, "first", pictures), target, rtol=1e-5, atol=1e-6)
    told = done.told({"twice.weight": "again.w.weight", "last.weight": "to_picture.weight"})
    assert told.endswith(
        "of 1 layer restored, 1 of them, without a bias, in scale alone; again.w, to_picture left as they were"
    )
    assert torch.equal(done.restorer.network.twice.weight, between.network.twice.weight)
    assert not torch.equal(done.restorer.network.first.weight, between.network.first.weight)


class Descriptor:
    """Takes one picture at a time, as spandrel's do."""

    def __init__(self, seed: int) -> None:
        self.model = Chain(seed)

    def __call__(self, picture):
        assert len(picture) == 1
        return self.model(picture)


def test_networks_that_take_one_picture_at_a_time_see_all_of_them_at_once(pictures):
    a, b, between = (Restorer(Described(Descriptor(seed)), "chain", 1, 1, 4) for seed in (0, 1, 2))
    done = Repairer([a, b], pictures).repair(between, (0.5, 0.5))
    assert done.layers == ("model.first",)
    assert done.left_alone == ("model.twice", "model.last")
    (side_by_side,) = statistics(a, pictures).values()
    wide = torch.cat(list(pictures), dim=-1)[None]  # three: one row
    (of_wide,) = statistics(a, wide).values()
    assert torch.equal(side_by_side.deviation, of_wide.deviation)
    four = torch.cat([pictures, pictures[:1]])
    (of_square,) = statistics(a, four).values()
    square = torch.cat([torch.cat(list(four[:2]), dim=-1), torch.cat(list(four[2:]), dim=-1)], dim=-2)[None]
    assert torch.equal(of_square.deviation, next(iter(statistics(a, square).values())).deviation)


def test_a_channel_that_is_constant_has_no_scale_to_restore(dncnn, pictures):
    a, b = dncnn(0), dncnn(1)
    mixed = interpolate([a, b], (0.5, 0.5))
    mixed["conv.1.weight"][2] = 0
    done, _ = repair([a, b], (0.5, 0.5), mixed, pictures)
    assert all(tensor.isfinite().all() for tensor in done.values())
    assert not done["conv.1.weight"][2].any()


def test_names_of_the_file_are_found_whatever_the_layout(dncnn):
    state = {name.replace("conv.", "net.model."): tensor for name, tensor in dncnn(0).items()}
    kair = {f"model.{2 * int(name.split('.')[1])}.{name.split('.')[2]}": tensor for name, tensor in dncnn(0).items()}
    for renamed in (state, kair):
        restorer = recognise(renamed, "test")
        names = file_names(restorer, renamed)
        assert set(names.values()) == set(renamed)
        own = restorer.network.state_dict()
        assert all(torch.equal(own[ours], renamed[theirs]) for ours, theirs in names.items())


def test_weights_that_do_not_fit(dncnn, pictures):
    parents = [recognise(dncnn(seed), "test") for seed in (0, 1)]
    with pytest.raises(RecipeError, match="weights: found 3, expected one for each of 2 networks"):
        Repairer(parents, pictures).repair(parents[0], (0.5, 0.3, 0.2))


def test_a_sweep_with_repair_has_the_same_ends_and_another_middle(networks, dncnn, smooth_pictures, tmp_path):
    pair = networks(a=dncnn(0), b=dncnn(1))
    files = clean_files(smooth_pictures(tmp_path / "test", 2))
    mending = repair_pictures(smooth_pictures(tmp_path / "repair", 5, 24))
    assert len(mending.files) == 5
    setting = Setting(noise=(20.0,), steps=2)
    metric = open_metric("psnr")
    plain = swept(sweep(pair, files, metric, setting)).curves[0]
    mended = swept(sweep(pair, files, metric, setting, repair=mending)).curves[0]
    assert (plain.title, mended.title) == ("a → b, noise 20", "a → b, noise 20, with REPAIR")
    assert [plain.at(end).value for end in (0, 1)] == [mended.at(end).value for end in (0, 1)]
    assert abs(plain.at(0.5).value - mended.at(0.5).value) > 0.1
    journal = tmp_path / "sweep.jsonl"
    swept(sweep(pair, files, metric, setting, journal=journal))
    with pytest.raises(
        InputError, match="the journal of another sweep: found no --repair, expected --repair on the pic"
    ):
        swept(sweep(pair, files, metric, setting, journal=journal, repair=mending))
    other = Setting((20.0,), steps=2, crop_px=None)
    with pytest.raises(InputError, match=r"found --crop \d+, expected --crop 0; choose another"):
        swept(sweep(pair, files, metric, other, journal=journal))


def test_pictures_of_different_sizes_are_cut_to_one(smooth_pictures, tmp_path):
    folder = smooth_pictures(tmp_path / "mixed", 2, 40)
    smooth_pictures(tmp_path / "small", 1, 24)
    (tmp_path / "small" / "p0.png").rename(folder / "small.png")
    assert repair_pictures(folder).given(3, 2, 0).shape == (3, 3, 12, 12)
    assert repair_pictures(folder).given(1, 1, 10).shape == (3, 1, 24, 24)


def test_the_same_channels_in_another_order_are_no_case_for_repair(networks, smoother, smooth_pictures, tmp_path):
    """It restores how much channels vary, not what they mean: opposite halves stay mixed up."""
    pair = networks(a=smoother(0.5), b=smoother(0.5, turned=True))
    files = clean_files(smooth_pictures(tmp_path / "test", 2))
    setting = Setting(noise=(20.0,), steps=2)
    mending = repair_pictures(tmp_path / "test")
    curve = swept(sweep(pair, files, open_metric("psnr"), setting, repair=mending)).curves[0]
    assert curve.at(0.5).value == pytest.approx(curve.input_value, abs=0.01)
