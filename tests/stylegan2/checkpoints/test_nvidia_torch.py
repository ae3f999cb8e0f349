"""NVIDIA's PyTorch dialect, by round trip: known tensors -> a pickle of persistent modules -> the same tensors."""

from __future__ import annotations

import pickle
import re
import sys
import types

import pytest
import torch

from stylegan2.checkpoints import load
from stylegan2.errors import CheckpointError, ShapeMismatch, UnknownFormat

FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


class Persistent:
    """Pickles as an object of NVIDIA's trainer does: a call of one function with the state as data."""

    def __init__(self, class_name: str, **state: object) -> None:
        self.class_name, self.state = class_name, state

    def __reduce__(self):
        meta = {
            "type": "class",
            "version": 6,
            "module_src": "raise",
            "class_name": self.class_name,
            "state": self.state,
        }
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,)


@pytest.fixture(autouse=True)
def trainer(monkeypatch):
    stand_in(monkeypatch)


def stand_in(monkeypatch):
    """Put modules in place of those that such a pickle names, so that it can be written."""
    for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for place, name, made in (
        ("torch_utils.persistence", "_reconstruct_persistent_obj", lambda meta: None),
        ("dnnlib.util", "EasyDict", type("EasyDict", (dict,), {})),
    ):
        made.__module__, made.__qualname__, made.__name__ = place, name, name
        setattr(sys.modules[place], name, made)


def network(kind: str, tensors: dict, attributes: dict) -> Persistent:
    """Build the tree of modules. `attributes`: pattern of a path -> what such a module has."""
    return _module(tensors | {f"{r}.resample_filter": FILTER for r in _blocks(tensors)}, "", kind, attributes)


def _blocks(tensors: dict) -> set[str]:
    return {match[0] for name in tensors if (match := re.match(r"(synthesis\.)?b\d+", name))}


def _module(tensors: dict, path: str, kind: str, attributes: dict) -> Persistent:
    state = {"_parameters": {"unused": None}, "_buffers": {}, "_modules": {}, "training": False, "_hooks": set()}
    for pattern, values in attributes.items():
        state |= values if re.fullmatch(pattern, path) else {}
    for name in dict.fromkeys(name.partition(".")[0] for name in tensors):
        below = {key.partition(".")[2]: value for key, value in tensors.items() if key.partition(".")[0] == name}
        if "" in below:
            is_buffer = name in ("noise_const", "w_avg", "resample_filter")
            value = below[""] if is_buffer else torch.nn.Parameter(below[""])
            state["_buffers" if is_buffer else "_parameters"][name] = value
        else:
            state["_modules"][name] = _module(below, f"{path}.{name}".lstrip("."), "Layer", attributes)
    return Persistent(kind, **state)


def generator(config, tensors, kind="Generator"):
    layer = {"conv_clamp": config.conv_clamp, "activation": "lrelu", "use_noise": True}
    attributes = {
        r"synthesis\.b\d+\.conv[01]": layer,
        r"synthesis\.b\d+\.torgb": {"conv_clamp": config.conv_clamp},
        r"synthesis\.b\d+\.skip": {"conv_clamp": None, "activation": "linear"},
        r"mapping\.fc\d+": {"activation": "lrelu", "bias_gain": config.lr_multiplier},
        r"mapping\.embed": {"activation": "linear", "bias_gain": 1},
        r"mapping": {"w_avg_beta": config.w_avg_decay},
    }
    return network(kind, tensors, attributes)


def discriminator(config, tensors):
    attributes = {
        r"b\d+\.(fromrgb|conv0|conv1|conv)": {"conv_clamp": config.conv_clamp, "activation": "lrelu"},
        r"b\d+\.skip": {"conv_clamp": None, "activation": "linear"},
        r"b4\.fromrgb": {"conv_clamp": None},  # the trainer builds this one without the clamp
        r"b4": {"_init_kwargs": {}},
    }
    built = network("Discriminator", tensors, attributes)
    last = built.state["_modules"]["b4"].state["_modules"]
    last["mbstd"] = Persistent("MinibatchStdLayer", group_size=config.minibatch_group, num_channels=1)
    return built


def snapshot(variant) -> dict:
    return {
        "G": generator(variant.config, variant.part("raw.")),
        "D": discriminator(variant.discriminator, variant.part("discriminator.")),
        "G_ema": generator(variant.config, variant.part("")),
        "training_set_kwargs": sys.modules["dnnlib.util"].EasyDict(path="faces.zip", use_labels=False),
        "augment_pipe": None,
    }


def written(tmp_path, root, protocol=4):
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps(root, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_every_protocol(tmp_path, plain, same, protocol):
    same(load(written(tmp_path, snapshot(plain), protocol)), plain)


def test_round_trip(tmp_path, variant, same):
    found = load(written(tmp_path, snapshot(variant)))
    same(found, variant)
    assert found.metadata == {"format": "nvidia-torch", "ema": True}


def test_only_the_moving_average(tmp_path, plain):
    for root in (
        {"G_ema": generator(plain.config, plain.part(""))},
        {"G": None, "G_ema": generator(plain.config, plain.part(""))},
        generator(plain.config, plain.part("")),
    ):
        found = load(written(tmp_path, root))
        assert (found.config, found.discriminator) == (plain.config, None)
        assert torch.equal(found.tensors["mapping.w_avg"], plain.tensors["mapping.w_avg"])
        assert not any(name.startswith("raw.") for name in found.tensors)


def test_only_the_raw_generator(tmp_path, plain):
    found = load(written(tmp_path, {"G": generator(plain.config, plain.part("raw."))}))
    assert found.metadata["ema"] is False
    assert torch.equal(found.tensors["mapping.fc0.bias"], plain.tensors["raw.mapping.fc0.bias"])


def test_a_discriminator_alone_is_no_model(tmp_path, plain):
    root = discriminator(plain.discriminator, plain.part("discriminator."))
    with pytest.raises(CheckpointError, match="found no generator"):
        load(written(tmp_path, root))


def test_keyword_arguments_count_where_layers_say_nothing(tmp_path, plain):
    root = network("Generator", plain.part(""), {})
    root.state["_init_kwargs"] = {
        "synthesis_kwargs": {"conv_clamp": 2, "activation": "relu"},
        "mapping_kwargs": {"lr_multiplier": 0.5, "activation": "tanh"},
    }
    config = load(written(tmp_path, {"G_ema": root})).config
    assert (config.conv_clamp, config.activation) == (2.0, "relu")
    assert (config.lr_multiplier, config.mapping_activation) == (0.5, "tanh")


def test_layers_that_disagree_are_refused(tmp_path, plain):
    root = generator(plain.config, plain.part(""))
    root.state["_modules"]["synthesis"].state["_modules"]["b8"].state["_modules"]["conv0"].state["conv_clamp"] = 7.0
    with pytest.raises(CheckpointError, match=r"conv_clamp: found layers with None and 7\.0, expected one value"):
        load(written(tmp_path, {"G_ema": root}))


@pytest.mark.parametrize("value", [float("nan"), "much", [1], True, 10**400])
def test_a_strange_keyword_is_refused(tmp_path, plain, value):
    root = network("Generator", plain.part(""), {})
    root.state["_init_kwargs"] = {"synthesis_kwargs": {"conv_clamp": value}}
    with pytest.raises(CheckpointError):
        load(written(tmp_path, {"G_ema": root}))


def test_layers_without_noise_get_a_strength_of_zero(tmp_path, plain):
    tensors = {name: t for name, t in plain.part("").items() if "noise" not in name}
    root = network("Generator", tensors, {r"synthesis\.b\d+\.conv[01]": {"use_noise": False}})
    found = load(written(tmp_path, {"G_ema": root}))
    assert found.config == plain.config.__class__(**{**vars(plain.config), "w_avg_decay": 0.998})
    assert torch.equal(found.tensors["synthesis.b8.conv0.noise_strength"], torch.zeros(()))


def test_frozen_layers_keep_their_weights_as_buffers(tmp_path, plain, same):
    root = snapshot(plain)
    state = root["D"].state["_modules"]["b16"].state["_modules"]["conv0"].state
    state["_buffers"], state["_parameters"] = (
        {n: p.detach() for n, p in state["_parameters"].items() if p is not None},
        {},
    )
    same(load(written(tmp_path, root)), plain)


def test_every_difference_in_one_message(tmp_path, plain):
    tensors = plain.part("")
    tensors["synthesis.b8.conv0.extra"] = torch.zeros(2)
    tensors["synthesis.b8.conv1.affine.bias"] = torch.zeros(9)
    del tensors["synthesis.b16.conv1.bias"], tensors["mapping.fc0.weight"]
    with pytest.raises(ShapeMismatch) as caught:
        load(written(tmp_path, {"G_ema": generator(plain.config, tensors)}))
    message = str(caught.value)
    assert "2 missing: mapping.fc0.weight" in message and "synthesis.b16.conv1.bias [3]" in message
    assert "1 left over: synthesis.b8.conv0.extra [2]" in message
    assert "1 of another shape: synthesis.b8.conv1.affine.bias [9] instead of [5]" in message


def test_stylegan3_is_refused_by_name(tmp_path):
    tensors = {"synthesis.input.freqs": torch.ones(2, 2), "synthesis.L0_36_4.weight": torch.ones(2, 2, 3, 3)}
    with pytest.raises(UnknownFormat, match="StyleGAN3"):
        load(written(tmp_path, {"G_ema": network("Generator", tensors, {})}))


def test_a_module_that_contains_itself_is_refused(tmp_path, plain):
    part, whole = Persistent("Layer"), Persistent("Generator")
    part.state["_modules"] = {"again": part.state}
    whole.state["_modules"] = {"synthesis": part, "more": part}
    with pytest.raises(CheckpointError, match="expected a module of its own"):
        load(written(tmp_path, {"G_ema": whole}))
