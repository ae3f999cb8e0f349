"""NVIDIA's TensorFlow dialect, by round trip: known tensors -> variables in its layout -> the same tensors."""

from __future__ import annotations

import pickle
import re
import sys
import types

import numpy as np
import pytest
import torch

from stylegan2.checkpoints import load
from stylegan2.errors import CheckpointError, UnknownFormat

LAYERS = {"conv0": "Conv0_up", "conv1": "Conv1", "torgb": "ToRGB", "skip": "Skip"}
OTHERS = {"conv0": "Conv0", "conv1": "Conv1_down", "fromrgb": "FromRGB", "skip": "Skip", "conv": "Conv", "fc": "Dense0"}


@pytest.fixture(autouse=True)
def dnnlib(monkeypatch):
    stand_in(monkeypatch)


def stand_in(monkeypatch):
    """Put a class in place of the one that such a pickle names, so that it can be written."""
    for name in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["dnnlib.tflib.network"].Network = type("Network", (), {"__module__": "dnnlib.tflib.network"})


def network(name: str, variables: dict, keywords: dict, components: dict | None = None):
    made = sys.modules["dnnlib.tflib.network"].Network()
    pairs = [(key, array) for key, array in variables.items()]
    vars(made).update(version=4, name=name, static_kwargs=keywords, variables=pairs, components=components or {})
    vars(made).update(build_module_src="raise", build_func_name=name)
    return made


def layout(name: str, tensor: torch.Tensor) -> np.ndarray:
    """Our numbers as TensorFlow stores them."""
    if name.endswith("affine.bias"):
        tensor = tensor - 1
    elif tensor.ndim == 4:
        is_up = re.search(r"synthesis\.b\d+\.(conv0|skip)\.", name)
        tensor = (tensor.flip((2, 3)) if is_up else tensor).permute(2, 3, 1, 0)  # -> [k, k, in, out]
    elif name.endswith("const") and "noise" not in name:
        tensor = tensor[None]
    elif name.endswith("noise_const"):
        tensor = tensor[None, None]
    elif tensor.ndim == 2:
        tensor = tensor.T
    return np.ascontiguousarray(tensor.numpy()) if tensor.ndim else np.float32(tensor.numpy())[()] * np.ones(())


def tf_name(name: str) -> str:
    """Our name of a generator's tensor as a path of components and variables."""
    noise = re.fullmatch(r"synthesis\.b(\d+)\.conv([01])\.noise_const", name)
    if noise:
        return f"synthesis/noise{2 * (int(noise[1]).bit_length() - 3) - 1 + int(noise[2])}"
    name = name.replace("mapping.w_avg", "dlatent_avg").replace("mapping.fc", "mapping/Dense")
    name = name.replace("mapping.embed", "mapping/LabelEmbed").replace(
        "synthesis.b4.const", "synthesis/4x4/Const/const"
    )
    name = re.sub(r"affine\.", "mod_", name.replace("synthesis.b4.conv1", "synthesis/4x4/Conv"))
    block = re.fullmatch(r"synthesis\.b(\d+)\.(\w+)\.(\w+)", name)
    if block:
        name = f"synthesis/{block[1]}x{block[1]}/{LAYERS[block[2]]}/{block[3]}"
    return name.replace(".", "/")


def generator(config, tensors, name="Gs"):
    keywords = {
        "num_channels": config.image_channels,
        "resolution": config.resolution,
        "label_size": config.num_classes,
        "conv_clamp": config.conv_clamp,
        "mapping_lrmul": config.lr_multiplier,
        "dlatent_avg_beta": config.w_avg_decay,
        "resample_kernel": [1, 3, 3, 1],
    }
    variables = {tf_name(key): layout(key, tensor).astype(np.float32) for key, tensor in tensors.items()}
    variables["lod"] = np.zeros((), np.float32)
    below = {
        part: network(
            part, {k.partition("/")[2]: v for k, v in variables.items() if k.startswith(f"{part}/")}, keywords
        )
        for part in ("mapping", "synthesis")
    }
    return network(name, {k: v for k, v in variables.items() if "/" not in k}, keywords, below)


def discriminator(config, tensors):
    variables = {}
    for key, tensor in tensors.items():
        key = key.replace("b4.out.", "Output.").replace("mapping.embed", "LabelEmbed").replace("mapping.fc", "Mapping")
        block = re.fullmatch(r"b(\d+)\.(\w+)\.(\w+)", key)
        name = f"{block[1]}x{block[1]}/{OTHERS[block[2]]}/{block[3]}" if block else key.replace(".", "/")
        variables[name] = layout(key, tensor).astype(np.float32)
    keywords = {"mbstd_group_size": config.minibatch_group, "conv_clamp": config.conv_clamp}
    return network("D", variables, keywords)


def snapshot(variant):
    return (
        generator(variant.config, variant.part("raw."), "G"),
        discriminator(variant.discriminator, variant.part("discriminator.")),
        generator(variant.config, variant.part("")),
    )


def written(tmp_path, root, protocol=3):
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps(root, protocol=protocol))
    return path


def test_round_trip(tmp_path, variant, same):
    found = load(written(tmp_path, snapshot(variant)))
    same(found, variant)
    assert found.metadata == {"format": "nvidia-tensorflow", "ema": True}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_other_protocols(tmp_path, plain, same, protocol):
    same(load(written(tmp_path, snapshot(plain), protocol)), plain)


def test_names_of_older_numpy(tmp_path, plain, same):
    path = written(tmp_path, snapshot(plain))
    renamed = path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert b"numpy.core.multiarray" in renamed
    path.write_bytes(renamed)
    same(load(path), plain)


def test_networks_alone(tmp_path, plain):
    average, raw = generator(plain.config, plain.part("")), snapshot(plain)[0]
    assert load(written(tmp_path, average)).metadata["ema"] is True
    found = load(written(tmp_path, (raw, average)))
    assert torch.equal(found.tensors["mapping.w_avg"], plain.tensors["mapping.w_avg"])
    assert torch.equal(found.tensors["raw.mapping.w_avg"], plain.tensors["raw.mapping.w_avg"])


def test_kernels_up_are_flipped_and_others_not(tmp_path, plain):
    root = generator(plain.config, plain.part(""))
    stored = dict(root.components["synthesis"].variables)
    found = load(written(tmp_path, root)).tensors
    up, plain = found["synthesis.b8.conv0.weight"], found["synthesis.b8.conv1.weight"]
    assert float(up[1, 2, 0, 1]) == stored["8x8/Conv0_up/weight"][2, 1, 2, 1]
    assert float(plain[1, 2, 0, 1]) == stored["8x8/Conv1/weight"][0, 1, 2, 1]


def test_labels_of_the_first_release_are_refused_by_name(tmp_path, plain):
    root = generator(plain.config, plain.part(""))
    root.components["mapping"].variables.append(("LabelConcat/weight", np.ones((3, 6), np.float32)))
    with pytest.raises(UnknownFormat, match="LabelConcat.*expected labels as in StyleGAN2-ADA"):
        load(written(tmp_path, root))


def test_stylegan1_is_refused_by_name(tmp_path):
    root = network("Gs", {"G_synthesis/4x4/Const/StyleMod/weight": np.ones((2, 2), np.float32)}, {})
    with pytest.raises(UnknownFormat, match="StyleGAN1"):
        load(written(tmp_path, root))


def test_a_network_in_itself_is_refused(tmp_path, plain):
    root = generator(plain.config, plain.part(""))
    root.components["again"] = root
    with pytest.raises(CheckpointError):
        load(written(tmp_path, root))
