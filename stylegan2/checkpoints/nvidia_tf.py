"""NVIDIA's TensorFlow pickles: (G, D, Gs), or one network alone; StyleGAN2 and StyleGAN2-ADA.

A network holds `variables`, (name, array) pairs; its `components`, networks themselves; and `static_kwargs`.
Convolutions are [k, k, in, out], those that sample up flipped in both spatial axes; fully connected layers are
[in, out]; style biases are stored minus one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

from stylegan2.checkpoints.contents import Contents, Part
from stylegan2.checkpoints.foreign_tensors import ForeignTensor, NumpyArray, Scalar
from stylegan2.checkpoints.pickle_machine import Record
from stylegan2.checkpoints.rename import Rule
from stylegan2.checkpoints.traits import read_traits
from stylegan2.errors import CheckpointError, UnknownFormat

FORMAT = "nvidia-tensorflow"
MAX_VARIABLES = 100_000  # a 1024 px network has about 200


def _transposed(weight: Tensor) -> Tensor:
    return weight.T  # [in, out] -> [out, in]


def _convolution(weight: Tensor) -> Tensor:
    return weight.permute(3, 2, 0, 1)  # [k, k, in, out] -> [out, in, k, k]


def _up_convolution(weight: Tensor) -> Tensor:
    return torch.flip(_convolution(weight), (2, 3))


def _style_bias(bias: Tensor) -> Tensor:
    return bias + 1


def _first(tensor: Tensor) -> Tensor:
    return tensor[0]  # [1, C, h, w] -> [C, h, w]


def _plane(tensor: Tensor) -> Tensor:
    return tensor[0, 0]  # [1, 1, h, w] -> [h, w]


_STYLES = (
    Rule(r"(synthesis\.b\d+\.\w+)\.mod_weight", r"\1.affine.weight", _transposed, axes=2),
    Rule(r"(synthesis\.b\d+\.\w+)\.mod_bias", r"\1.affine.bias", _style_bias),
)
GENERATOR_RULES = (
    Rule(r"lod", None),  # progressive growing, unused since StyleGAN2
    Rule(r"dlatent_avg", r"mapping.w_avg"),
    Rule(r"mapping/Dense(\d+)/weight", r"mapping.fc\1.weight", _transposed, axes=2),
    Rule(r"mapping/Dense(\d+)/bias", r"mapping.fc\1.bias"),
    Rule(r"mapping/LabelEmbed/weight", r"mapping.embed.weight", _transposed, axes=2),
    Rule(r"mapping/LabelEmbed/bias", r"mapping.embed.bias"),
    Rule(r"(synthesis\.b4)\.Const\.const", r"\1.const", _first, axes=4),
    Rule(r"(synthesis\.b\d+\.conv[01])\.noise_const", r"\1.noise_const", _plane, axes=4),
    Rule(r"(synthesis\.b\d+\.(?:conv0|skip))\.weight", r"\1.weight", _up_convolution, axes=4),
    Rule(r"(synthesis\.b\d+\.(?:conv1|torgb))\.weight", r"\1.weight", _convolution, axes=4),
    *_STYLES,
)
DISCRIMINATOR_RULES = (
    Rule(r"Output/weight", r"b4.out.weight", _transposed, axes=2),
    Rule(r"Output/bias", r"b4.out.bias"),
    Rule(r"LabelEmbed/weight", r"mapping.embed.weight", _transposed, axes=2),
    Rule(r"LabelEmbed/bias", r"mapping.embed.bias"),
    Rule(r"Mapping(\d+)/weight", r"mapping.fc\1.weight", _transposed, axes=2),
    Rule(r"Mapping(\d+)/bias", r"mapping.fc\1.bias"),
    Rule(r"b4\.fc\.weight", r"b4.fc.weight", _transposed, axes=2),
    Rule(r"(b\d+\.\w+)\.weight", r"\1.weight", _convolution, axes=4),
)
LAYERS = {  # TensorFlow's layer -> ours, in the generator and in the discriminator
    "synthesis": {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"},
    "D": {
        "Conv": "conv",
        "Conv0": "conv0",
        "Conv1_down": "conv1",
        "FromRGB": "fromrgb",
        "Skip": "skip",
        "Dense0": "fc",
    },
}

# Our field -> the keyword argument.
GENERATOR_TRAITS = {
    "conv_clamp": "conv_clamp",
    "activation": "nonlinearity",
    "mapping_activation": "mapping_nonlinearity",
    "lr_multiplier": "mapping_lrmul",
    "fir": "resample_kernel",
    "w_avg_decay": "dlatent_avg_beta",
}
DISCRIMINATOR_TRAITS = {
    "conv_clamp": "conv_clamp",
    "activation": "nonlinearity",
    "lr_multiplier": "mapping_lrmul",
    "fir": "resample_kernel",
    "minibatch_group": "mbstd_group_size",
}


def recognises(root: object) -> bool:
    """True for a network, or for a tuple of networks."""
    return any(_is_network(network) for network in _networks(root))


def read(root: object) -> Contents:
    """Return the networks of the file. Raises UnknownFormat for StyleGAN1 and for the first release's labels."""
    networks = _by_role(_networks(root))
    return Contents(
        ema=_generator(networks.get("Gs")),
        raw=_generator(networks.get("G")),
        discriminator=_discriminator(networks.get("D")),
        metadata={"format": FORMAT},
    )


def _networks(root: object) -> tuple[object, ...]:
    return tuple(root) if isinstance(root, (tuple, list)) else (root,)


def _is_network(value: object) -> bool:
    return isinstance(value, Record) and "variables" in value.state


def _by_role(networks: tuple[object, ...]) -> dict[str, Record]:
    """By position in the usual tuple, otherwise by the networks' own names; a generator alone is the average."""
    records = [network for network in networks if isinstance(network, Record) and _is_network(network)]
    if len(records) == 3:
        return dict(zip(("G", "D", "Gs"), records, strict=True))
    named = {str(record.state.get("name"))[:10]: record for record in records}
    return {"Gs": records[0]} if len(records) == 1 and "D" not in named else named


def _generator(network: Record | None) -> Part | None:
    if network is None:
        return None
    variables = _variables(network)
    _refuse_others(variables)
    keywords = _keywords(network)
    tensors = dict(_renamed(variables, "synthesis"))
    if keywords.get("use_noise") is False:
        styled = (re.fullmatch(r"(synthesis\.b\d+\.conv[01])\.bias", name) for name in tensors)
        tensors |= {f"{match[1]}.noise_strength": Scalar() for match in styled if match}
    return Part(tensors, GENERATOR_RULES, _traits(keywords, GENERATOR_TRAITS))


def _discriminator(network: Record | None) -> Part | None:
    if network is None:
        return None
    variables = {name: array for name, array in _variables(network).items() if name != "lod"}
    return Part(dict(_renamed(variables, "D")), DISCRIMINATOR_RULES, _traits(_keywords(network), DISCRIMINATOR_TRAITS))


def _variables(network: Record) -> dict[str, NumpyArray | Scalar]:
    """Every array of a network and of its components, by "component/name". What stands in two places is refused."""
    found: dict[str, NumpyArray | Scalar] = {}
    seen, waiting = set[int](), [("", network)]
    while waiting:
        path, record = waiting.pop()
        if not isinstance(record, Record) or id(record) in seen or len(found) > MAX_VARIABLES:
            raise CheckpointError(
                f"{path or 'network'}: found a {type(record).__name__}, expected a network of its own"
            )
        seen.add(id(record))
        components = record.state.get("components", {})
        if not isinstance(components, dict):
            raise CheckpointError(f"{path}components: found {type(components).__name__}, expected names and networks")
        found |= {f"{path}{name}": value for name, value in _own_variables(record, path)}
        waiting += [(f"{path}{name}/", component) for name, component in components.items()]
    return found


def _own_variables(network: Record, path: str) -> Iterator[tuple[str, NumpyArray | Scalar]]:
    pairs = network.state.get("variables")
    for pair in pairs if isinstance(pairs, list) else (None,):
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[1], (NumpyArray, float)):
            raise CheckpointError(f"{path or 'network'}: found a variable without an array, expected name and numbers")
        name, value = pair
        yield str(name), Scalar(value) if isinstance(value, float) else value  # noise strengths, mostly


def _renamed(variables: dict[str, NumpyArray | Scalar], network: str) -> Iterator[tuple[str, ForeignTensor]]:
    """Put our block and layer in front; noise buffers, which are only counted, go to their layers."""
    prefix = f"{network}/" if network == "synthesis" else ""
    start = f"{network}." if prefix else ""
    for name, array in variables.items():
        layer = re.fullmatch(prefix + r"(\d{1,5})x\d{1,5}/(\w+)/(\w+)", name)
        noise = re.fullmatch(r"synthesis/noise(\d{1,2})", name)
        if layer:
            yield f"{start}b{layer[1]}.{LAYERS[network].get(layer[2], layer[2])}.{layer[3]}", array
        elif noise:
            octave, conv = divmod(int(noise[1]) + 1, 2)  # noise0 is that of b4.conv1, then two a block
            yield f"synthesis.b{4 << octave}.conv{conv}.noise_const", array
        else:
            yield name, array


def _refuse_others(variables: dict[str, NumpyArray | Scalar]) -> None:
    if any("LabelConcat" in name for name in variables):
        raise UnknownFormat(
            "a conditional model of the first StyleGAN2 release (LabelConcat), expected labels as in StyleGAN2-ADA "
            "(LabelEmbed); train or find an ADA version of it"
        )
    if not any(name.endswith("/mod_weight") for name in variables):
        raise UnknownFormat("a StyleGAN1 or progressive GAN, expected StyleGAN2; its layers cannot be blended here")


def _keywords(network: Record) -> dict[object, object]:
    keywords = network.state.get("static_kwargs", {})
    if not isinstance(keywords, dict):
        raise CheckpointError(f"static_kwargs: found {type(keywords).__name__}, expected names and values")
    if keywords.get("normalize_latents") is False:
        raise UnknownFormat("a network that does not normalise z, expected StyleGAN2, which does")
    return keywords


def _traits(keywords: dict[object, object], table: dict[str, str]) -> dict[str, object]:
    return read_traits({field: keywords[name] for field, name in table.items() if name in keywords})
