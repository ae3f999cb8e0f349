"""Which network a state dict is: every layout one meets, and what is said of damaged or unknown ones."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch.nn import functional

from blendgan.restoration.networks import DnCNN
from blendgan.restoration.recognition import recognise
from stylegan2.errors import InputError, ShapeMismatch, UnknownFormat


def noise(channels, seed=0, size=9):
    return torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("channels", "width", "depth"), [(1, 4, 4), (3, 6, 3), (1, 3, 7)])
def test_dncnn_of_any_size(dncnn, channels, width, depth):
    tensors = dncnn(0, channels, width, depth)
    found = recognise(tensors, "net")
    assert (found.channels, found.scale, found.reach) == (channels, 1, depth)
    assert found.architecture == f"DnCNN of {depth} convolutions of {width} channels"
    x = noise(channels)
    y = x
    for i in range(depth):  # by hand: the residual of a chain
        y = functional.conv2d(
            functional.relu(y) if i else y, tensors[f"conv.{i}.weight"], tensors[f"conv.{i}.bias"], padding=1
        )
    assert torch.allclose(found.network(x), x - y, atol=1e-6)


@pytest.mark.parametrize(("channels", "width", "convolutions", "scale"), [(3, 4, 2, 2), (1, 5, 0, 4), (3, 4, 1, 1)])
def test_compact_of_any_size(compact, channels, width, convolutions, scale):
    tensors = compact(1, channels, width, convolutions, scale)
    found = recognise(tensors, "net")
    assert (found.channels, found.scale, found.reach) == (channels, scale, convolutions + 2)
    x = noise(channels)
    y = x
    for i in range(2 * convolutions + 3):  # by hand: even ones are convolutions, odd ones PReLUs
        weight = tensors[f"body.{i}.weight"]
        y = functional.prelu(y, weight) if i % 2 else functional.conv2d(y, weight, tensors[f"body.{i}.bias"], padding=1)
    enlarged = x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    assert torch.allclose(found.network(x), functional.pixel_shuffle(y, scale) + enlarged, atol=1e-6)


@pytest.mark.parametrize("prefix", ["", "module.", "generator.module.", "net_g."])
@pytest.mark.parametrize("kind", ["dncnn", "compact"])
def test_wrapped_names(dncnn, compact, kind, prefix):
    tensors = (dncnn if kind == "dncnn" else compact)(0)
    wrapped = {prefix + name: tensor for name, tensor in tensors.items()}
    plain, found = recognise(tensors, "net"), recognise(wrapped, "net")
    x = noise(plain.channels)
    assert torch.equal(plain.network(x), found.network(x))
    assert torch.equal(found.with_tensors(wrapped).network(x), plain.network(x))


def test_kair_merged_is_the_same_network_under_other_names(kair, dncnn):
    theirs = kair(3, normalised=False)
    ours = {f"conv.{int(name.split('.')[1]) // 2}.{name.split('.')[2]}": t for name, t in theirs.items()}
    x = noise(3)
    assert torch.equal(recognise(theirs, "a").network(x), recognise(ours, "b").network(x))


@pytest.mark.parametrize("bias", [True, False])
def test_kair_with_batch_norms_by_hand(kair, bias):
    tensors = kair(4, normalised=True)
    if not bias:  # as its author's first code has it: none before a norm
        tensors = {name: t for name, t in tensors.items() if name not in {f"model.{i}.bias" for i in (2, 5, 8)}}
    x = noise(3)
    y = x
    for i in (0, 2, 5, 8, 11):
        y = functional.conv2d(y, tensors[f"model.{i}.weight"], tensors.get(f"model.{i}.bias"), padding=1)
        if i in (2, 5, 8):
            mean, var, gain, shift = (
                tensors[f"model.{i + 1}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
            )
            y = functional.batch_norm(y, mean, var, gain, shift, eps=1e-4)
        y = y if i == 11 else functional.relu(y)
    found = recognise(tensors, "net")
    assert found.architecture == "DnCNN of 5 convolutions of 4 channels with batch norms"
    assert torch.allclose(found.network(x), x - y, atol=1e-6)
    assert not torch.allclose(found.network(x), x, atol=1e-3)


def test_merging_the_norms_by_hand_gives_the_same_picture(kair):
    tensors = kair(5, normalised=True)
    merged = {}
    for new, old in enumerate((0, 2, 5, 8, 11)):
        weight, bias = tensors[f"model.{old}.weight"], tensors[f"model.{old}.bias"]
        if old in (2, 5, 8):
            gain = tensors[f"model.{old + 1}.weight"] / (tensors[f"model.{old + 1}.running_var"] + 1e-4).sqrt()
            weight = weight * gain[:, None, None, None]
            bias = (bias - tensors[f"model.{old + 1}.running_mean"]) * gain + tensors[f"model.{old + 1}.bias"]
        merged |= {f"model.{2 * new}.weight": weight, f"model.{2 * new}.bias": bias}
    x = noise(3)
    assert torch.allclose(recognise(tensors, "a").network(x), recognise(merged, "b").network(x), atol=1e-5)


@pytest.mark.parametrize("first", [0, 1])
def test_norms_in_a_list_of_their_own(first):
    from tests.blendgan.restoration.conftest import randomised

    network = DnCNN(1, 4, 5, normalised=(1, 2, 3))
    state = randomised(network, 6)
    theirs = {}
    for name, tensor in state.items():
        kind, index, leaf = name.split(".")
        theirs[name if kind == "conv" else f"bn.{int(index) - 1 + first}.{leaf}"] = tensor
    network.load_state_dict(state)
    x = noise(1)
    assert torch.equal(recognise(theirs, "net").network(x), network.eval()(x))


def test_weights_of_half_precision_are_run_in_full(dncnn):
    half = {name: tensor.half() for name, tensor in dncnn(0).items()}
    found = recognise(half, "net")
    assert {parameter.dtype for parameter in found.network.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in found.network.parameters())
    assert half["conv.0.weight"].dtype == torch.float16


def test_the_first_tensor_that_does_not_fit_is_named(dncnn, compact, kair):
    cases = [
        (dncnn(0), "conv.1.weight", None, "net: conv.1.weight is missing, expected [4, 4, 3, 3] for a DnCNN of 4"),
        (dncnn(0), "conv.2.bias", None, "net: conv.2.bias is missing, expected [4] for a DnCNN"),
        (dncnn(0), "conv.2.weight", torch.zeros(4, 5, 3, 3), "net: conv.2.weight: found [4, 5, 3, 3], expected [4, 4"),
        (dncnn(0), "conv.2.bias", torch.zeros(4).long(), "net: conv.2.bias: found torch.int64 [4], expected [4]"),
        (dncnn(0), "conv.0.weight", None, "net: conv.0.weight is missing"),
        (compact(0), "body.1.weight", None, "net: body.1.weight is missing, expected [4]"),
        (compact(0), "body.2.weight", None, "net: body.2.weight is missing, expected [4, 4, 3, 3]"),
        (compact(0), "body.6.weight", None, "net: body.6.weight is missing"),
        (compact(0), "body.6.weight", torch.zeros(14, 4, 3, 3), "net: body.6.weight: found 14 channels, expected 3"),
        (compact(0), "body.3.weight", torch.zeros(1), "net: body.3.weight: found [1], expected [4]"),
        (kair(0, normalised=True), "model.6.running_var", None, "net: model.6.running_var is missing, expected [4]"),
        (kair(0, normalised=True), "model.11.weight", None, "net: model.11.weight is missing"),
        (kair(0, normalised=False), "model.4.weight", None, "net: model.4.weight is missing"),
    ]  # fmt: skip
    for tensors, name, replacement, words in cases:
        damaged = {key: tensor for key, tensor in tensors.items() if key != name}
        if replacement is not None:
            damaged[name] = replacement
        with pytest.raises(ShapeMismatch) as caught:
            recognise(damaged, "net")
        assert str(caught.value).startswith(words), (name, str(caught.value))
        assert "\n" not in str(caught.value)


def test_a_cut_file_is_told_as_such(dncnn):
    cut = {name: tensor for name, tensor in dncnn(0).items() if not name.startswith("conv.3.")}
    with pytest.raises(ShapeMismatch, match=r"net: conv\.2\.weight: found 4 channels, expected 1 as the last"):
        recognise(cut, "net")


def test_what_is_left_over_is_named(compact):
    with pytest.raises(ShapeMismatch, match=r"net: found extra\.weight, which a compact .* does not have \(1 tensors"):
        recognise(compact(0) | {"extra.weight": torch.zeros(3)}, "net")


def test_counters_may_be_missing(kair):
    tensors = kair(0, normalised=True)
    old = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(old) == len(tensors) - 3
    x = noise(3)
    assert torch.equal(recognise(tensors, "a").network(x), recognise(old, "b").network(x))


def test_other_tensors_must_be_of_the_same_architecture(dncnn, compact):
    with pytest.raises(ShapeMismatch, match="found a DnCNN of 5 convolutions of 4 channels, expected a DnCNN of 4"):
        recognise(dncnn(0), "net").with_tensors(dncnn(0, depth=5))
    with pytest.raises(ShapeMismatch, match="found a compact"):
        recognise(dncnn(0), "net").with_tensors(compact(0))


UNKNOWN = {
    "nothing": {},
    "transformer": {"embed.weight": torch.zeros(3, 4), "attention.query.weight": torch.zeros(4, 4)},
    "classifier": {f"features.{2 * i}.weight": torch.zeros(8, 3 if i == 0 else 8, 3, 3) for i in range(5)},
    "other kernels": {f"layers.{2 * i}.weight": torch.zeros(1, 1, 9, 9) for i in range(3)},
}


@pytest.mark.parametrize("case", UNKNOWN)
@pytest.mark.parametrize("why", ["absent", "broken"])
def test_unknown_networks_name_their_first_tensors_and_the_extra(case, why, monkeypatch):
    def refuse(name, *rest, **more):
        if name == "spandrel":
            raise ImportError if why == "absent" else RuntimeError("operator torchvision::nms does not exist")
        return real(name, *rest, **more)

    import builtins

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UnknownFormat) as caught:
        recognise(UNKNOWN[case], "net.pth")
    message = str(caught.value)
    assert message.startswith(f"net.pth: found the tensors {', '.join(list(UNKNOWN[case])[:3]) or 'none'}")
    assert "pip install 'blendgan[restore]'" in message
    assert ("cannot be imported (operator torchvision::nms" in message) == (why == "broken")
    assert "\n" not in message


class Recorder:
    """What stands for spandrel here: it notes what it is handed, and knows one network, of one scaling number."""

    class UnsupportedModelError(Exception):
        pass

    def __init__(self, **changes):
        self.handed, self.changes = [], changes

    def ModelLoader(self, device):
        self.device = device
        return self

    def load_from_state_dict(self, state):
        self.handed.append(state)
        if "gain" not in state:
            raise self.UnsupportedModelError
        model = torch.nn.Conv2d(3, 3, 1, bias=False)
        if state["gain"].shape != (3, 3, 1, 1):
            raise RuntimeError('Error(s) in loading state_dict for X:\n\tMissing key(s) in state_dict: "gain". ')
        model.load_state_dict({"weight": state["gain"]})
        return Descriptor(model, **self.changes)


class Descriptor:
    architecture = types.SimpleNamespace(name="Gain")
    scale, input_channels, output_channels, purpose = 1, 3, 3, "Restoration"
    tiling = types.SimpleNamespace(name="SUPPORTED")
    size_requirements = types.SimpleNamespace(minimum=8, multiple_of=4, square=False)

    def __init__(self, model, **changes):
        self.model, self.sizes = model, []
        vars(self).update(changes)

    def eval(self):
        self.model.eval()
        return self

    def __call__(self, picture):
        self.sizes.append(tuple(picture.shape))
        return self.model(picture).clamp_(0, 1)


@pytest.fixture
def recorder(monkeypatch):
    def install(**changes):
        found = Recorder(**changes)
        monkeypatch.setitem(sys.modules, "spandrel", found)
        return found

    return install


def test_the_library_is_handed_copies_of_tensors_never_a_file(recorder):
    spandrel = recorder()
    tensors = {"gain": torch.eye(3)[:, :, None, None].half() / 2, "count": torch.tensor(3)}
    found = recognise(tensors, "net.pth")
    (state,) = spandrel.handed
    assert type(state) is dict
    assert list(state) == list(tensors)
    assert state["gain"].dtype == torch.float32 and state["count"].dtype == torch.int64
    assert all(state[name].data_ptr() != tensors[name].data_ptr() for name in tensors)
    assert spandrel.device == "cpu"
    assert (found.architecture, found.channels, found.scale) == ("Gain network x1 (by spandrel)", 3, 1)
    assert (found.sizes.multiple, found.sizes.minimum, found.sizes.square) == (4, 8, False)
    assert not found.is_exact_in_tiles and not found.whole_pictures
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(found.network(x), x / 2)
    other = found.with_tensors({"gain": torch.eye(3)[:, :, None, None] / 4})
    assert torch.allclose(other.network(x), x / 4)
    assert torch.allclose(found.network(x), x / 2)


def test_the_library_gets_one_picture_at_a_time(recorder):
    recorder()
    network = recognise({"gain": torch.eye(3)[:, :, None, None]}, "net").network
    network(torch.zeros(3, 3, 8, 12))
    assert network._call.sizes == [(1, 3, 8, 12)] * 3


@pytest.mark.parametrize("kind", ["DISCOURAGED", "INTERNAL"])
def test_networks_that_look_at_the_whole_are_not_cut(recorder, kind):
    recorder(tiling=types.SimpleNamespace(name=kind))
    assert recognise({"gain": torch.eye(3)[:, :, None, None]}, "net").whole_pictures


@pytest.mark.parametrize("changes", [{"purpose": "Inpainting"}, {"input_channels": 4, "output_channels": 4},
                                     {"output_channels": 1}])  # fmt: skip
def test_networks_that_restore_no_pictures_are_refused(recorder, changes):
    recorder(**changes)
    with pytest.raises(InputError, match="net: found a Gain network, . channels to ., for .*; expected one that takes"):
        recognise({"gain": torch.eye(3)[:, :, None, None]}, "net")


def test_what_the_library_says_becomes_one_line(recorder):
    recorder()
    with pytest.raises(UnknownFormat, match=r"net: found the tensors pain: .*, which spandrel does not know either$"):
        recognise({"pain": torch.zeros(3)}, "net")
    with pytest.raises(ShapeMismatch, match=r"^net: gain is missing; is the file whole\?$"):
        recognise({"gain": torch.zeros(3)}, "net")
