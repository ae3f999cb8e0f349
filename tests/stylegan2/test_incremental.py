"""What is kept is used where it may be, and only there; the numbers are those of a full pass, to the bit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.generator import Generator, SynthesisBlock
from stylegan2.incremental import ActivationCache, IncrementalSynthesis, digest_of

CONFIG = GeneratorConfig(32, (8, 7, 6, 5), z_dim=8, w_dim=6, mapping_layers=2, mapping_width=8)


def generator_of(architecture: str = "skip") -> Generator:
    config = GeneratorConfig(**{**vars(CONFIG), "architecture": architecture})
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator(config)
        for tensor in generator.state_dict().values():
            tensor.normal_()
    return generator.eval().requires_grad_(False)


def ws_of(seed: int, count: int = 1) -> Tensor:
    return torch.randn(count, CONFIG.num_ws, 6, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The resolutions of the blocks that ran, in order."""
    ran: list[int] = []
    forward = SynthesisBlock.forward

    def counting(self: SynthesisBlock, *arguments: object) -> object:
        y = forward(self, *arguments)  # type: ignore[arg-type]
        ran.append(y[0].shape[-1])
        return y

    monkeypatch.setattr(SynthesisBlock, "forward", counting)
    yield ran


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_change_of_weights_costs_what_lies_above(architecture: str, computed: list[int]) -> None:
    network = generator_of(architecture).synthesis
    incremental = IncrementalSynthesis(network)
    first = incremental(ws_of(0))
    assert torch.equal(first, network(ws_of(0)))
    computed.clear()
    assert torch.equal(incremental(ws_of(0)), first)
    assert computed == []
    network.b16.conv1.weight.add_(1)
    incremental.identities = incremental.identities | {16: digest_of(network.b16)}
    changed = incremental(ws_of(0))
    assert computed == [16, 32]
    assert not torch.equal(changed, first)
    assert torch.equal(changed, network(ws_of(0)))


def test_a_style_mixed_in_costs_what_lies_above(computed: list[int]) -> None:
    network = generator_of().synthesis
    incremental = IncrementalSynthesis(network)
    incremental(ws_of(0))
    computed.clear()
    mixed = torch.cat([ws_of(0)[:, :5], ws_of(1)[:, 5:]], dim=1)  # 4 px takes styles 0 and 1, 8 px 1 to 3, 16 px 3 to 5
    picture = incremental(mixed)
    assert computed == [16, 32]
    assert torch.equal(picture, network(mixed))


def test_other_noise_batches_and_precisions_are_other_pictures(computed: list[int]) -> None:
    network = generator_of().synthesis
    incremental = IncrementalSynthesis(network)
    pictures = [incremental(ws_of(0)), incremental(ws_of(0), noise_mode="none"), incremental(ws_of(0, 2))[:1]]
    network.compute_in(torch.bfloat16, 16)
    computed.clear()
    half = incremental(ws_of(0))
    assert computed == [16, 32]
    assert torch.equal(half, network(ws_of(0)))
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[0], half)


def test_random_noise_is_never_kept() -> None:
    network = generator_of().synthesis
    incremental = IncrementalSynthesis(network)
    a, b = (incremental(ws_of(0), "random", torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert not torch.equal(a, b)
    assert len(incremental.cache) == 0
    given = {"b16.conv1": torch.zeros(1, 1, 16, 16)}
    assert torch.equal(incremental(ws_of(0), noise=given), network(ws_of(0), noise=given))
    assert len(incremental.cache) == 0


def test_memory_is_bounded_and_the_largest_goes_first() -> None:
    cache = ActivationCache(limit_bytes=1000)
    small, large = torch.zeros(50), torch.zeros(150)  # 200 and 600 bytes
    cache.put("small", (small, None))
    cache.put("large", (large, None))
    cache.put("other", (None, small))
    assert (len(cache), cache.bytes) == (3, 1000)
    cache.put("more", (small, None))
    assert cache.get("large") is None
    assert cache.get("small") is not None
    assert cache.bytes == 600
    for i in range(20):
        cache.put(i, (small, small))
    assert cache.bytes <= 1000
    cache.put("huge", (torch.zeros(1000), None))
    assert cache.get("huge") is None
    assert cache.bytes <= 1000
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_full_cache_changes_no_number() -> None:
    network = generator_of().synthesis
    incremental = IncrementalSynthesis(network, ActivationCache(limit_bytes=2000))
    for seed in (0, 1, 0, 1):
        assert torch.equal(incremental(ws_of(seed)), network(ws_of(seed)))
    assert 0 < incremental.cache.bytes <= 2000


@pytest.mark.parametrize("wrap", [lambda network: network, IncrementalSynthesis])
def test_pictures_come_from_coarse_to_fine(wrap: type[nn.Module], computed: list[int]) -> None:
    network = generator_of().synthesis
    progressive = wrap(network).pictures(ws_of(0))
    assert next(progressive).shape == (1, 3, 4, 4)
    assert next(progressive).shape == (1, 3, 8, 8)
    assert computed == [4, 8]  # nothing beyond what was asked for
    *_, last = progressive
    assert torch.equal(last, network(ws_of(0)))


def test_other_architectures_draw_once() -> None:
    for architecture in ("resnet", "orig"):
        network = generator_of(architecture).synthesis
        assert [tuple(picture.shape) for picture in network.pictures(ws_of(0))] == [(1, 3, 32, 32)]


def test_what_it_does_not_do_itself_the_network_does() -> None:
    network = generator_of().synthesis
    incremental = IncrementalSynthesis(network)
    assert incremental.noise_maps(1, "const").keys() == network.noise_maps(1, "const").keys()
    blocks = [block for block, _, _ in incremental.steps(ws_of(0), incremental.noise_maps(1, "none"))]
    assert blocks == [network.get_submodule(f"b{resolution}") for resolution in network.resolutions]
    incremental.compute_in(torch.bfloat16, 16)
    assert (network.b8.compute, network.b16.compute) == (None, torch.bfloat16)
