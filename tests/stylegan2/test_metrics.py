"""Metrics: the statistics against their definitions, what each reacts to, and the sets that they compare."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError
from stylegan2.generator import Generator
from stylegan2.loading import load_discriminator, load_generator
from stylegan2.store import sha256_of
from stylegan2.train import TrainingConfig, metric_lpips, open_dataset
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch, from_bytes
from stylegan2.train.metric_features import (
    DiscriminatorFeatures,
    open_discriminator,
    resize,
    to_bytes,
)
from stylegan2.train.metric_figures import FIGURES, labelled, parse_figures
from stylegan2.train.metric_inception import FILES, SHA256, find_inception, open_inception
from stylegan2.train.metric_networks import default_figures, networks_around, open_networks
from stylegan2.train.metric_paths import EPSILON, path_length_end, path_length_full
from stylegan2.train.metric_samples import LATENTS, Sampling, draw, fake_features, latents, real_features
from stylegan2.train.metric_watcher import MetricWatcher, label_of, measure
from stylegan2.train.metrics import STATISTICS, frechet_distance, kernel_distance, precision, recall
from stylegan2.train.state import new_state

CPU = torch.device("cpu")
FINGERPRINT = "0123456789abcdef" * 4


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(count: int, seed: int, dims: int = 6) -> Tensor:
    """Correlated features, neither centred nor of unit variance."""
    mix = torch.randn([dims, dims], generator=source(99))
    return torch.randn([count, dims], generator=source(seed)) @ mix + seed / 10


def faces(count: int, seed: int = 0, size: int = 16) -> Tensor:
    """Smooth random pictures with some texture, uint8."""
    coarse = torch.rand([count, 3, 4, 4], generator=source(seed)) * 2 - 1
    smooth = F.interpolate(coarse, size=(size, size), mode="bicubic")
    fine = torch.rand([count, 3, size // 2, size // 2], generator=source(seed + 1000)) - 0.5
    return to_bytes(smooth + 0.3 * F.interpolate(fine, size=(size, size), mode="bilinear"))


def network(size: int = 16, seed: int = 1) -> DiscriminatorFeatures:
    """Features of a discriminator of random weights."""
    discriminator = Discriminator(DiscriminatorConfig(size, (8, 8, 8, 8)[: int(math.log2(size)) - 1]))
    draws = source(seed)
    drawn = {name: torch.randn(t.shape, generator=draws) for name, t in sorted(discriminator.state_dict().items())}
    discriminator.load_state_dict(drawn)
    return DiscriminatorFeatures(discriminator.eval().requires_grad_(False), FINGERPRINT)


class Drawn:
    """Pictures in memory as a data set, which counts how often it is read."""

    def __init__(self, pictures: Tensor, num_classes: int = 0) -> None:
        self.pictures, self.num_classes, self.read = pictures, num_classes, 0

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, number: int, count: int, seed: int, *, mirror: bool) -> Batch:
        self.read += 1
        places = torch.arange(number * count, (number + 1) * count) % len(self)
        return Batch(from_bytes(self.pictures[places]), None)

    def labels(self, number: int, count: int, seed: int, stream: int) -> Tensor:
        return torch.eye(self.num_classes)[torch.zeros(count, dtype=torch.long)]  # this data has class 0 alone


@pytest.fixture
def generator(pico) -> Generator:
    return load_generator(pico(0))


@pytest.fixture
def fresh() -> Generator:
    """A generator as training starts with: its pictures hang on w, as those of wholly random weights do not."""
    g, d = fresh_configs(16, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    return new_state(g, d, TrainingConfig(), CPU).average


# ---- statistics -----------------------------------------------------------------------------------------------------


def test_frechet_distance_is_that_of_the_matrix_square_root() -> None:
    linalg = pytest.importorskip("scipy.linalg", reason="the other way of computing it is scipy's")
    real, fake = features(80, 1).double().numpy(), features(60, 2).double().numpy()
    cov_r, cov_f = np.cov(real.T), np.cov(fake.T)
    root = linalg.sqrtm(cov_r @ cov_f)
    expected = ((real.mean(0) - fake.mean(0)) ** 2).sum() + np.trace(cov_r + cov_f - 2 * root.real)
    assert frechet_distance(torch.from_numpy(real), torch.from_numpy(fake)) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_known_gaussians() -> None:
    real = features(50, 1)
    shift = torch.tensor([1.0, 0, 0, 2, 0, 0])
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real, real + shift) == pytest.approx(5, rel=1e-5)
    doubled = (real - real.mean(0)) * 2 + real.mean(0)  # tr(Σ + 4Σ − 2·2Σ) = tr Σ
    assert frechet_distance(real, doubled) == pytest.approx(real.t().cov().trace().item(), rel=1e-5)


def test_frechet_distance_of_fewer_pictures_than_dimensions_is_finite() -> None:
    real, fake = features(8, 1, dims=30), features(9, 2, dims=30)
    assert 0 < frechet_distance(real, fake) < 1e6


def test_kernel_distance_is_the_unbiased_sum_over_pairs() -> None:
    real, fake = features(9, 1), features(7, 2)

    def mean(x: Tensor, y: Tensor, *, apart: bool) -> float:
        pairs = [(i, j) for i in range(len(x)) for j in range(len(y)) if not (apart and i == j)]
        return sum((x[i].double().dot(y[j].double()).item() / 6 + 1) ** 3 for i, j in pairs) / len(pairs)

    expected = mean(real, real, apart=True) + mean(fake, fake, apart=True) - 2 * mean(real, fake, apart=False)
    assert kernel_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_of_two_halves_of_a_set_is_zero_in_the_mean() -> None:
    whole = torch.randn([4000, 4], generator=source(0))
    halves = [kernel_distance(*whole[i : i + 400].chunk(2)) for i in range(0, 4000, 400)]
    assert min(halves) < 0 < max(halves)  # unbiased, so it falls on both sides
    assert abs(np.mean(halves)) < 0.02 < kernel_distance(whole[:400], whole[400:800] + 0.3)


def test_precision_and_recall_of_points_on_a_line() -> None:
    real = torch.tensor([[0.0], [1], [2], [3], [4]])  # the third neighbours are at 3, 2, 2, 2, 3
    fake = torch.tensor([[-3.5], [-3], [2.5], [6.9], [7.1]])  # theirs at 10.4, 9.9, 5.5, 9.9, 10.1
    assert precision(real, fake) == pytest.approx(3 / 5)
    assert recall(real, fake) == 1
    assert recall(real, torch.tensor([[4.0], [4.1], [4.2], [4.3], [5]])) == pytest.approx(1 / 5)


def test_precision_and_recall_tell_quality_from_variety() -> None:
    whole = torch.randn([400, 3], generator=source(0))
    real, others = whole[:200], whole[200:]
    few = others[others[:, 0] > 0.5]  # good ones, but not of every kind
    strewn = torch.cat([others, others[:100] + 8])  # of every kind, and bad ones besides
    assert precision(real, few) > 0.9 > 0.7 > recall(real, few)
    assert recall(real, strewn) > 0.9 > 0.7 > precision(real, strewn)


@pytest.mark.parametrize("name", STATISTICS)
def test_tables_of_distances_are_cut_into_rows_without_a_trace(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = features(50, 1), features(40, 2)
    whole = STATISTICS[name](real, fake)
    monkeypatch.setattr("stylegan2.train.metrics.ROWS", 7)
    assert STATISTICS[name](real, fake) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", STATISTICS)
def test_too_few_pictures_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="found 4 pictures, expected at least 5 of each set"):
        STATISTICS[name](features(4, 1), features(40, 2))


# ---- what the figures of a discriminator react to -------------------------------------------------------------------


def blurred(pictures: Tensor, amount: float) -> Tensor:
    soft = F.avg_pool2d(F.pad(from_bytes(pictures), (2, 2, 2, 2), mode="reflect"), 5, stride=1)
    return to_bytes(torch.lerp(from_bytes(pictures), soft, amount))


def noisy(pictures: Tensor, amount: float) -> Tensor:
    noise = torch.randn(pictures.shape, generator=source(7))
    return to_bytes(from_bytes(pictures) + 0.4 * amount * noise)


def mixed(pictures: Tensor, amount: float) -> Tensor:
    """Part of the pictures is of another kind: stripes."""
    stripes = torch.linspace(0, 20, pictures.shape[-1]).sin().expand_as(pictures)
    count = round(len(pictures) * amount)
    return torch.cat([to_bytes(stripes[:count]), pictures[count:]])


@pytest.mark.parametrize("degraded", [blurred, noisy, mixed])
@pytest.mark.parametrize("name", ["frechet", "kernel"])
def test_distances_grow_with_every_step_of_damage(name: str, degraded: Callable[[Tensor, float], Tensor]) -> None:
    see = network()
    real, fake = see(faces(200)), faces(200, seed=1)
    distances = [STATISTICS[name](real, see(degraded(fake, amount))) for amount in (0, 0.25, 0.5, 1)]
    assert distances == sorted(distances)
    assert distances[-1] > 4 * abs(distances[0])


@pytest.mark.parametrize("degraded", [blurred, noisy, mixed])
def test_precision_falls_with_damage(degraded: Callable[[Tensor, float], Tensor]) -> None:
    see = network()
    real, fake = see(faces(200)), faces(200, seed=1)
    shares = [precision(real, see(degraded(fake, amount))) for amount in (0, 0.5, 1)]
    assert shares[0] > 0.8
    assert shares[0] > shares[1] > shares[2]


def test_recall_falls_with_variety() -> None:
    see = network()
    pictures, one = from_bytes(faces(200, seed=1)), from_bytes(faces(1, seed=2))
    real = see(faces(200))
    shares = [recall(real, see(to_bytes(torch.lerp(pictures, one, pull)))) for pull in (0, 0.5, 0.8)]
    assert shares[0] > shares[1] > shares[2]


# ---- features -------------------------------------------------------------------------------------------------------


def test_features_are_unit_activations_averaged_over_places() -> None:
    see = network()
    pictures = faces(3)
    entering = [x for x, _ in see.discriminator.blocks(from_bytes(pictures)) if x is not None]
    assert [tuple(x.shape[1:]) for x in entering] == [(8, 8, 8), (8, 4, 4)]
    for level, x in enumerate(entering):
        unit = x / x.square().mean(dim=1, keepdim=True).sqrt()  # second moment 1 over channels, at every place
        found = see(pictures)[:, 8 * level : 8 * level + 8]
        torch.testing.assert_close(found, unit.mean(dim=[2, 3]), rtol=1e-4, atol=1e-5)


def test_a_picture_has_the_same_features_in_any_company() -> None:
    see = network()
    pictures = faces(9)
    torch.testing.assert_close(see(pictures)[4:5], see(pictures[4:5]))


def test_larger_pictures_are_made_smaller_without_aliases() -> None:
    see = network()
    checks = torch.tensor([0, 255], dtype=torch.uint8).repeat(32)
    pattern = torch.where(torch.arange(64)[:, None] % 2 == 0, checks, 255 - checks).expand(1, 3, 64, 64)
    grey = torch.full([1, 3, 64, 64], 127, dtype=torch.uint8)
    assert resize(from_bytes(pattern), 16).abs().max() < 0.02  # every second pixel would be all black or all white
    torch.testing.assert_close(see(pattern), see(grey), atol=0.05, rtol=0)
    assert resize(from_bytes(faces(2)), 16).equal(from_bytes(faces(2)))


def test_bytes_are_those_of_a_picture_file() -> None:
    assert to_bytes(torch.tensor([-1.5, -1, 0, 0.999, 2])).tolist() == [0, 0, 128, 255, 255]
    every = torch.arange(256, dtype=torch.uint8)
    assert to_bytes(from_bytes(every)).equal(every)


def test_the_shipped_discriminator_by_name() -> None:
    see = open_discriminator("portraits", CPU)
    own = load_discriminator("portraits")
    assert see.size_px == own.config.resolution
    assert see(faces(2, size=64)).shape == (2, sum(own.config.channels[i] for i in range(len(own.config.channels) - 1)))


def test_a_model_without_discriminator_is_refused(pico) -> None:
    with pytest.raises(CheckpointError, match="found no discriminator"):
        open_discriminator(pico(0), CPU)


def test_a_discriminator_of_4_px_has_no_features() -> None:
    with pytest.raises(InputError, match="discriminator: found 4 px, 3 channels, expected a square RGB one"):
        DiscriminatorFeatures(Discriminator(DiscriminatorConfig(4, (8,))), FINGERPRINT)


# ---- names ----------------------------------------------------------------------------------------------------------


def test_only_figures_of_the_inception_network_bear_its_names() -> None:
    assert {name for name, figure in FIGURES.items() if figure.network == "inception"} == {
        "fid", "kid", "precision", "recall",
    }  # fmt: skip
    assert labelled("fid", SHA256) == "fid"
    assert labelled("ppl", metric_lpips.SHA256) == "ppl"
    assert labelled("dfd", FINGERPRINT) == "dfd/01234567"


def test_names_are_read_from_a_list() -> None:
    assert parse_figures("dfd, fid,dfd") == ("dfd", "fid")
    with pytest.raises(InputError, match="metrics: found 'fit', expected some of fid, kid, .*; check the spelling"):
        parse_figures("dfd,fit")


# ---- samples --------------------------------------------------------------------------------------------------------


def test_the_size_of_a_batch_changes_no_picture(generator: Generator) -> None:
    few, many = (torch.cat(list(draw(generator, Sampling(num=10, batch=batch)))) for batch in (3, 10))
    assert few.shape == (10, 3, 16, 16)
    assert (few.int() - many.int()).abs().max() <= 1  # sums in another order may round a byte the other way


def test_a_seed_draws_its_own_pictures_truncated_as_told(generator: Generator) -> None:
    plain = torch.cat(list(draw(generator, Sampling(num=5))))
    assert not plain.equal(torch.cat(list(draw(generator, Sampling(num=5, seed=1)))))
    z, _ = latents(generator, Sampling(num=5))
    ws = generator.mapping(z, None, truncation_psi=0.5)
    expected = to_bytes(generator.synthesis(ws, noise_mode="const"))
    assert torch.cat(list(draw(generator, Sampling(num=5, truncation_psi=0.5)))).equal(expected)


def test_real_pictures_are_each_seen_once_whatever_the_batch(tmp_path: Path) -> None:
    for i in range(11):
        Image.new("RGB", (16, 16), (i * 20, i * 20, i * 20)).save(tmp_path / f"{i:02d}.png")
    data = open_dataset(tmp_path, 16)

    class Levels:
        fingerprint, size_px = FINGERPRINT, 16

        def __call__(self, pictures: Tensor) -> Tensor:
            return pictures[:, 0, 0, :1].float()

    for num in (7, 11, 50):
        seen = [real_features(data, Levels(), Sampling(num=num, batch=batch))[:, 0].tolist() for batch in (4, 5)]
        assert seen[0] == seen[1]
        assert len(seen[0]) == len(set(seen[0])) == min(num, 11)
        assert set(seen[0]) <= {i * 20 for i in range(11)}


def test_labels_are_the_datas_own_where_the_classes_agree(pico) -> None:
    config = replace(pico(0).config, num_classes=3)
    generator = load_generator(pico(0, config))
    sampling = Sampling(num=90)
    _, even = latents(generator, sampling)
    assert even is not None
    assert even.sum(dim=1).eq(1).all()
    assert even.sum(dim=0).min() > 15  # each of three classes, about 30 times
    _, own = latents(generator, sampling, Drawn(faces(5), num_classes=3))
    assert own is not None
    assert own[:, 0].eq(1).all()
    _, others = latents(generator, sampling, Drawn(faces(5), num_classes=2))
    assert others is not None
    assert others.equal(even)
    assert fake_features(generator, network(), Sampling(num=6), Drawn(faces(5), num_classes=3)).shape == (6, 16)


# ---- path length ----------------------------------------------------------------------------------------------------


def pixel_distance(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).double().square().sum(dim=[1, 2, 3])


@pytest.mark.parametrize("whole", [False, True], ids=["end", "full"])
def test_path_length_is_the_squared_slope_along_the_path(fresh: Generator, whole: bool) -> None:
    """With squared pixel differences as distance, d / ε² is |dG/dt|², which automatic differentiation gives."""
    sampling = Sampling(num=8, batch=3)
    z, _ = latents(fresh, replace(sampling, num=16), stream=LATENTS)
    w = fresh.mapping.map(z)
    length = path_length_full if whole else path_length_end
    slopes = []
    for i, t in enumerate(_places(8, whole=whole)):

        def picture(t: Tensor, i: int = i) -> Tensor:
            ws = torch.lerp(w[i], w[i + 8], t).expand(1, fresh.config.num_ws, -1)
            return fresh.synthesis(ws, noise_mode="const")

        _, slope = torch.autograd.functional.jvp(picture, t, torch.tensor(1.0))
        slopes.append(slope.square().sum().item())
    kept = sorted(slopes)[1:-1]  # the shortest and the longest of eight lie beyond the quantiles
    assert length(fresh, pixel_distance, sampling) == pytest.approx(sum(kept) / 6, rel=0.02)


def _places(count: int, *, whole: bool) -> Tensor:
    from stylegan2.train.data import seeded
    from stylegan2.train.metric_paths import PLACES

    return torch.rand(count, generator=seeded(0, PLACES, 0)) if whole else torch.zeros(count)


def test_the_step_is_large_enough_for_float32(fresh: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    see = network()
    at_epsilon = path_length_end(fresh, see.distance, Sampling(num=16))
    monkeypatch.setattr("stylegan2.train.metric_paths.EPSILON", 10 * EPSILON)
    assert path_length_end(fresh, see.distance, Sampling(num=16)) == pytest.approx(at_epsilon, rel=0.02)


# ---- figures of a generator -----------------------------------------------------------------------------------------


def test_a_generator_is_nearer_to_its_own_pictures_than_to_others(generator: Generator, pico) -> None:
    see = networks_around(network())
    names = ("dfd", "dkd", "d-precision", "d-recall", "dppl")
    own = Drawn(torch.cat(list(draw(generator, Sampling(num=100, seed=1)))))
    sampling = Sampling(num=100)
    near = measure(names, see, generator, own, sampling)
    far = measure(names, see, load_generator(pico(5)), own, sampling)
    assert list(near) == [f"{name}/01234567" for name in names]
    assert near["dfd/01234567"] < far["dfd/01234567"] / 2
    assert near["dkd/01234567"] < far["dkd/01234567"] / 2
    assert near["d-precision/01234567"] > far["d-precision/01234567"]
    assert near["dppl/01234567"] == path_length_end(generator, see.distances["discriminator"], sampling)


def test_a_watcher_follows_the_moving_average_and_reads_the_data_once() -> None:
    g, d = fresh_configs(16, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    state = new_state(g, d, TrainingConfig(), CPU)
    data, sampling = Drawn(faces(40)), Sampling(num=30, batch=10)
    see = networks_around(network())
    watch = MetricWatcher(("dfd", "d-recall"), data, see, sampling)
    first = watch(state, 1.0)
    assert data.read == 3
    assert first == measure(("dfd", "d-recall"), see, state.average, data, sampling)
    for parameter in state.average.parameters():
        parameter.mul_(1.5)
    read = data.read
    second = watch(state, 2.0)
    assert data.read == read
    assert first.keys() == second.keys() == {label_of("dfd", see), label_of("d-recall", see)}
    assert first["dfd/01234567"] != second["dfd/01234567"]


def test_a_watcher_leaves_the_run_as_it_is() -> None:
    g, d = fresh_configs(16, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    state = new_state(g, d, TrainingConfig(), CPU)
    before = {name: t.clone() for name, t in state.average.state_dict().items()}
    watch = MetricWatcher(("dfd", "dppl-full"), Drawn(faces(10)), networks_around(network()), Sampling(num=6))
    random = torch.random.get_rng_state()
    watch(state, 0.0)
    assert torch.random.get_rng_state().equal(random)
    assert all(t.equal(before[name]) for name, t in state.average.state_dict().items())
    assert state.generator.training


def test_a_watcher_refuses_a_name_before_the_run() -> None:
    with pytest.raises(InputError, match="metrics: found 'FID'"):
        MetricWatcher(("FID",), Drawn(faces(10)), networks_around(network()))


# ---- the Inception network ------------------------------------------------------------------------------------------


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch hub folder of its own, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def test_without_its_weights_the_discriminator_stands_in_under_other_names(no_cache: Path) -> None:
    assert default_figures(None) == ("dfd", "dkd", "d-precision", "d-recall")
    with pytest.raises(
        InputError, match=r"found no Inception weights; fetch https://.*6726825d.pth and put it there, or"
    ):
        open_networks(("dfd", "fid"), CPU)


def test_weights_are_looked_for_in_the_cache_and_never_fetched(no_cache: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: pytest.fail("a download"))
    with pytest.raises(InputError):
        find_inception()
    for name in reversed(FILES):
        (no_cache / name).write_bytes(b"weights")
        assert find_inception() == no_cache / name
    with pytest.raises(InputError, match=r"gone.pth: found no Inception weights"):
        find_inception(no_cache / "gone.pth")


def test_other_weights_are_refused_before_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / FILES[0]
    file.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")  # a program, were it unpickled
    with pytest.raises(InputError, match="its SHA-256 begins with .{8}, expected 6726825d: .* would be no FID"):
        open_inception(file, CPU)


def test_without_the_library_one_line_says_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(InputError, match=r"torch-fidelity: cannot be imported .*pip install 'blendgan\[metrics\]'"):
        open_inception(tmp_path / "w.pth", CPU, sha256_of(tmp_path / "w.pth"))


@pytest.fixture
def fidelity() -> Iterator[Any]:
    """torch-fidelity, which imports torchvision for data sets and other networks; nothing of it is used here.

    Where no torchvision fits this torch, an empty one stands in its place while torch-fidelity is imported.
    """
    before = set(sys.modules)
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        _import_beside_empty_torchvision()
    yield pytest.importorskip("torch_fidelity", reason="pip install 'blendgan[metrics]'")
    for package in {name.split(".")[0] for name in set(sys.modules) - before}:
        if package in ("torchvision", "torch_fidelity", "torchmetrics"):
            _forget(package)


def _import_beside_empty_torchvision() -> None:
    _forget("torchvision")
    names = ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional")
    empty = {name: ModuleType(name) for name in names}
    for name in ("CIFAR10", "CIFAR100", "STL10"):
        setattr(empty["torchvision.datasets"], name, type(name, (), {}))
    sys.modules |= empty
    try:
        importlib.import_module("torch_fidelity")
    except ImportError:
        _forget("torch_fidelity")
    finally:
        _forget("torchvision")


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


@pytest.mark.slow
def test_fid_is_what_torchmetrics_says_on_the_same_weights(fidelity: Any, tmp_path: Path) -> None:
    """Random weights in the real network: its true ones cannot be shipped, the path to them can be walked."""
    fid = pytest.importorskip("torchmetrics.image.fid", reason="the other way of computing it is torchmetrics'")
    file = tmp_path / "stand-in.pth"
    _write_random_inception(fidelity, file)
    see = open_inception(file, CPU, sha256_of(file))
    real, fake = faces(8, size=32), noisy(faces(8, seed=1, size=32), 0.5)
    assert see(real).shape == (8, 2048)
    theirs = fid.FrechetInceptionDistance(feature_extractor_weights_path=str(file), antialias=False)
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    ours = frechet_distance(see(real), see(fake))
    assert ours == pytest.approx(theirs.compute().item(), rel=1e-3)


def _write_random_inception(fidelity: Any, file: Path) -> None:
    class Blank(fidelity.FeatureExtractorInceptionV3):  # type: ignore[misc,name-defined]
        def load_state_dict(self, *_: Any, **__: Any) -> None:
            """Stay as initialised."""

    torch.save({}, file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blank = Blank("blank", ["2048"], feature_extractor_weights_path=str(file))
    torch.save(blank.state_dict(), file)


@pytest.mark.slow  # the import takes seconds
def test_statistics_are_those_of_torchmetrics(fidelity: Any) -> None:
    fid = pytest.importorskip("torchmetrics.image.fid", reason="torchmetrics is what they are compared with")
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, fake = features(60, 1).double(), features(60, 2).double()
    theirs = fid._compute_fid(real.mean(0), real.t().cov(), fake.mean(0), fake.t().cov())
    assert frechet_distance(real, fake) == pytest.approx(theirs.item(), rel=1e-6)
    assert kernel_distance(real, fake) == pytest.approx(kid.poly_mmd(real, fake).item(), rel=1e-9)


@pytest.mark.slow  # the import takes seconds
def test_precision_and_recall_are_those_of_torch_fidelity(fidelity: Any) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = features(60, 1), features(50, 3)
    theirs = prc_features_to_metric(
        fake, real, prc_neighborhood=3, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )
    assert precision(real, fake) == pytest.approx(theirs["precision"])
    assert recall(real, fake) == pytest.approx(theirs["recall"])


# ---- LPIPS ----------------------------------------------------------------------------------------------------------


def test_the_weights_of_lpips_are_looked_for_and_never_fetched(no_cache: Path) -> None:
    with pytest.raises(
        InputError, match=r"vgg16-397923af.pth: found no VGG16 weights; fetch https://.* or ask for dppl"
    ):
        open_networks(("ppl",), CPU)
    (no_cache / metric_lpips.FILE).write_bytes(b"other weights")
    with pytest.raises(InputError, match="its SHA-256 begins with .{8}, expected 397923af: .* would be no PPL"):
        open_networks(("dppl", "ppl"), CPU)


def vgg16(**_: Any) -> nn.Module:
    """VGG16's features as torchvision lays them out, of random weights."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()] if outputs else [nn.MaxPool2d(2)]
        inputs = outputs or inputs
    return nn.ModuleDict({"features": nn.Sequential(*layers)})


@pytest.fixture
def lpips(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The package, with its own linear layers; torchvision's part in it is to lay out VGG16."""
    torchvision, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    torchvision.models, models.vgg16 = models, vgg16  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    yield pytest.importorskip("lpips", reason="pip install 'blendgan[metrics]'")
    _forget("lpips")


@pytest.mark.slow
def test_path_length_by_lpips_on_stand_in_weights(lpips: Any, tmp_path: Path, fresh: Generator) -> None:
    """Random weights in the real network: the file is read into the right places, and the distance is the package's."""
    file = tmp_path / "vgg.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        trunk = vgg16()
    torch.save({**trunk.state_dict(), "classifier.0.weight": torch.zeros(1)}, file)
    distance = metric_lpips.open_lpips(file, CPU, sha256_of(file))
    x, y = from_bytes(faces(3, size=32)), from_bytes(faces(3, seed=1, size=32))
    theirs = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    missing = theirs.net.load_state_dict(
        {f"slice{s}.{i}.{k}": trunk["features"][i].state_dict()[k] for s, i, k in _slices()}
    )
    assert not missing.missing_keys
    torch.testing.assert_close(distance(x, y), theirs(x, y).flatten())
    assert distance(x, x).abs().max() == 0 < distance(x, y).min()
    large = F.interpolate(x, scale_factor=16)
    torch.testing.assert_close(distance(large, -large), distance(resize(large, 256), resize(-large, 256)))
    with pytest.raises(InputError, match="ppl: found pictures of 8 px, expected at least 16; ask for dppl instead"):
        distance(resize(x, 8), resize(y, 8))
    assert path_length_end(fresh, distance, Sampling(num=8)) > 0


def _slices() -> list[tuple[int, int, str]]:
    """(slice, layer, parameter) of VGG16's convolutions, by which slices end before layers 4, 9, 16, 23."""
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    return [(1 + sum(i >= end for end in (4, 9, 16, 23)), i, k) for i in convolutions for k in ("weight", "bias")]
