"""rosinality's dialect, by round trip: known tensors -> its state dicts, in torch's two containers -> the same."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace

import pytest
import torch

from stylegan2.checkpoints import fingerprint, load, load_bytes
from stylegan2.errors import UnknownFormat

KERNEL = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
SUFFIXES = {  # ours -> theirs
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "noise_strength": "noise.weight",
    "weight": "conv.weight",
}


def place(resolution: int, layer: str) -> str:
    index = resolution.bit_length() - 4  # 8 px is 0
    if layer == "torgb":
        return "to_rgb1" if resolution == 4 else f"to_rgbs.{index}"
    return "conv1" if resolution == 4 else f"convs.{2 * index + int(layer[-1])}"


def generator(tensors: dict) -> dict:
    """The state dict, without the mean latent, with the fixed kernels."""
    state = {"convs.0.conv.blur.kernel": KERNEL * 4, "to_rgbs.0.upsample.kernel": KERNEL * 4}
    for name, tensor in tensors.items():
        mapping = re.fullmatch(r"mapping\.fc(\d+)\.(\w+)", name)
        layer = re.fullmatch(r"synthesis\.b(\d+)\.(conv[01]|torgb)\.(.+)", name)
        if mapping:
            state[f"style.{int(mapping[1]) + 1}.{mapping[2]}"] = tensor
        elif name == "synthesis.b4.const":
            state["input.input"] = tensor[None]
        elif layer:
            key, value = styled(int(layer[1]), layer[2], layer[3], tensor)
            state[key] = value
    return state


def styled(resolution: int, layer: str, what: str, tensor: torch.Tensor) -> tuple[str, torch.Tensor]:
    here = place(resolution, layer)
    if what == "noise_const":
        return f"noises.noise_{2 * (resolution.bit_length() - 3) - 1 + int(layer[-1])}", tensor[None, None]
    if what == "bias":
        return (f"{here}.bias", tensor[None, :, None, None]) if layer == "torgb" else (f"{here}.activate.bias", tensor)
    value = {"noise_strength": lambda t: t.reshape(1), "weight": lambda t: t[None]}.get(what, lambda t: t)(tensor)
    return f"{here}.{SUFFIXES[what]}", value


def discriminator(config, tensors: dict) -> dict:
    state = {}
    parts = {"conv0.weight": "conv1.0.weight", "conv0.bias": "conv1.1.bias", "skip.weight": "skip.1.weight"}
    parts |= {"conv1.weight": "conv2.1.weight", "conv1.bias": "conv2.2.bias"}
    last = {"conv.weight": "final_conv.0.weight", "conv.bias": "final_conv.1.bias"}
    last |= {f"{a}.{b}": f"final_linear.{i}.{b}" for i, a in enumerate(("fc", "out")) for b in ("weight", "bias")}
    for name, tensor in tensors.items():
        block, _, what = name.partition(".")
        if what.startswith("fromrgb"):
            state["convs.0.0.weight" if what.endswith("weight") else "convs.0.1.bias"] = tensor
        elif block == "b4":
            state[last[what]] = tensor
        else:
            index = config.resolution.bit_length() - int(block[1:]).bit_length() + 1
            state[f"convs.{index}.{parts[what]}"] = tensor
            state[f"convs.{index}.conv2.0.kernel"] = KERNEL
    return state


def training_file(variant) -> dict:
    return {
        "g": generator(variant.part("raw.")),
        "d": discriminator(variant.discriminator, variant.part("discriminator.")),
        "g_ema": generator(variant.part("")),
        "g_optim": {
            "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2)}},
            "param_groups": [{"lr": 2e-3}],
        },
        "args": argparse.Namespace(size=16, latent=8, n_mlp=2, path="faces.lmdb"),
        "ada_aug_p": 0.0,
    }


def expected(variant, *left_out: str):
    kept = {name: t for name, t in variant.tensors.items() if not name.endswith(left_out)}
    return replace(variant, config=replace(variant.config, w_avg_decay=0.998), tensors=kept)


def written(tmp_path, root, *, zipped=True):
    path = tmp_path / "000100.pt"
    torch.save(root, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_training_file(tmp_path, plain_variant, same, zipped):
    path = written(tmp_path, training_file(plain_variant), zipped=zipped)
    found = load(path)
    same(found, expected(plain_variant, "w_avg"))
    assert fingerprint(load_bytes(path.read_bytes(), "upload")) == fingerprint(found)
    assert found.metadata == {"format": "rosinality", "ema": True}
    assert found.config.lr_multiplier == 0.01 and found.discriminator.minibatch_group == 4


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("shape", [(-1,), (1, -1)])
def test_inference_file(tmp_path, plain_variant, zipped, shape):
    mean = plain_variant.tensors["mapping.w_avg"]
    root = {"g_ema": generator(plain_variant.part("")), "latent_avg": mean.reshape(shape)}
    found = load(written(tmp_path, root, zipped=zipped))
    assert found.discriminator is None
    assert found.tensors.keys() == plain_variant.part("").keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in plain_variant.part("").items())


def test_bare_state_of_data_parallel_training(tmp_path, plain):
    state = {f"module.{name}": tensor for name, tensor in generator(plain.part("")).items()}
    assert load(written(tmp_path, state)).tensors.keys() == plain.part("").keys() - {"mapping.w_avg"}


def test_files_without_noise_buffers(tmp_path, plain):
    state = {name: t for name, t in generator(plain.part("")).items() if not name.startswith("noises")}
    found = load(written(tmp_path, {"g_ema": state}))
    assert not any(name.endswith("noise_const") for name in found.tensors)
    assert "synthesis.b8.conv1.noise_strength" in found.tensors


def test_half_precision_stays(tmp_path, plain):
    state = {name: tensor.half() for name, tensor in generator(plain.part("")).items()}
    assert {tensor.dtype for tensor in load(written(tmp_path, {"g_ema": state})).tensors.values()} == {torch.float16}


def test_other_filters_become_configuration(tmp_path, plain):
    state = generator(plain.part(""))
    box = torch.ones(2, 2)
    state |= {name: box for name in state if name.endswith("kernel")}
    assert load(written(tmp_path, {"g_ema": state})).config.fir == (0.5, 0.5)


def test_stylegan1_is_refused_by_name(tmp_path):
    with pytest.raises(UnknownFormat, match="StyleGAN1"):
        load(written(tmp_path, {"generator": {}, "g_running": {"style.1.weight_orig": torch.ones(2)}}))
