"""NVIDIA's PyTorch pickles: a dict with G, D, G_ema, or one of the networks alone.

Networks are trees of modules, each with its parameters, buffers and attributes. Tensor names and layouts are those
that we use ourselves; the resampling filters are buffers, and become configuration. Hyper-parameters are read from the
layers' own attributes, so that defaults of the code that wrote the file are seen too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stylegan2.checkpoints.contents import Contents, Part
from stylegan2.checkpoints.foreign_tensors import ForeignTensor, NumpyArray, Scalar, TorchView
from stylegan2.checkpoints.pickle_machine import Record
from stylegan2.checkpoints.rename import Rule, fir_from_kernel
from stylegan2.checkpoints.traits import read_traits, single
from stylegan2.errors import CheckpointError, UnknownFormat

FORMAT = "nvidia-torch"
MISSING = object()  # None is a value: no clamp
MAX_TENSORS = 100_000  # a 1024 px network has about 250
RULES = (Rule(r"(?:.*\.)?resample_filter", None),)

# Our field -> the layers that have it, and the attribute. (Skip convolutions are linear and never clamped.)
STYLED = r"synthesis\.b\d+\.conv[01]"
GENERATOR_TRAITS = {
    "conv_clamp": (r"synthesis\.b\d+\.(?:conv[01]|torgb)", "conv_clamp"),
    "activation": (STYLED, "activation"),
    "mapping_activation": (r"mapping\.fc\d+", "activation"),
    "lr_multiplier": (r"mapping\.fc\d+", "bias_gain"),
    "w_avg_decay": (r"mapping", "w_avg_beta"),
}
DISCRIMINATOR_TRAITS = {  # the last block takes the picture (skip only) without a clamp, whatever the others do
    "conv_clamp": (r"b(?!4\.)\d+\.(?:fromrgb|conv[01])|b4\.conv", "conv_clamp"),
    "activation": (r"b\d+\.(?:fromrgb|conv[01]?|fc)", "activation"),
    "lr_multiplier": (r"mapping\.fc\d+", "bias_gain"),
    "minibatch_group": (r"b4\.mbstd", "group_size"),
}

# … and where the network's keyword arguments say the same, for files whose layers do not.
GENERATOR_KEYWORDS = {
    "conv_clamp": ("synthesis_kwargs", "conv_clamp"),
    "activation": ("synthesis_kwargs", "activation"),
    "mapping_activation": ("mapping_kwargs", "activation"),
    "lr_multiplier": ("mapping_kwargs", "lr_multiplier"),
    "w_avg_decay": ("mapping_kwargs", "w_avg_beta"),
    "fir": ("synthesis_kwargs", "resample_filter"),
}
DISCRIMINATOR_KEYWORDS = {
    "conv_clamp": ("conv_clamp",),
    "activation": ("block_kwargs", "activation"),
    "lr_multiplier": ("mapping_kwargs", "lr_multiplier"),
    "minibatch_group": ("epilogue_kwargs", "mbstd_group_size"),
    "fir": ("block_kwargs", "resample_filter"),
}


@dataclass
class Module:
    """One module of the tree, flattened: its attributes by path, and its tensors by name."""

    attributes: dict[str, Mapping[str, object]] = field(default_factory=dict)
    tensors: dict[str, ForeignTensor] = field(default_factory=dict)


def recognises(root: object) -> bool:
    """True for a network, or for a dict with at least one under NVIDIA's names."""
    return any(_is_network(network) for network in _networks(root).values())


def read(root: object) -> Contents:
    """Return the networks of the file. Raises UnknownFormat for StyleGAN3."""
    networks = {name: _flatten(record) for name, record in _networks(root).items() if _is_network(record)}
    generators = {name: module for name, module in networks.items() if name in ("G", "G_ema")}
    for name, module in generators.items():
        _refuse_stylegan3(name, module)
    return Contents(
        ema=_part(generators.get("G_ema"), GENERATOR_TRAITS, GENERATOR_KEYWORDS),
        raw=_part(generators.get("G"), GENERATOR_TRAITS, GENERATOR_KEYWORDS),
        discriminator=_part(networks.get("D"), DISCRIMINATOR_TRAITS, DISCRIMINATOR_KEYWORDS),
        metadata={"format": FORMAT},
    )


def _networks(root: object) -> dict[str, object]:
    """A network alone counts as the moving average: that is what people export."""
    if isinstance(root, Record):
        return {"D" if root.kind.startswith("Discriminator") else "G_ema": root}
    return {name: root[name] for name in ("G", "D", "G_ema") if name in root} if isinstance(root, dict) else {}


def _is_network(value: object) -> bool:
    return isinstance(value, Record) and "_modules" in value.state


def _refuse_stylegan3(name: str, module: Module) -> None:
    if "synthesis.input" in module.attributes:
        raise UnknownFormat(f"{name} is a StyleGAN3 generator, expected StyleGAN2; its layers cannot be blended here")


def _part(
    module: Module | None, attributes: Mapping[str, tuple[str, str]], keywords: Mapping[str, tuple[str, ...]]
) -> Part | None:
    if module is None:
        return None
    values = _keyword_values(module, keywords)
    values |= {name: value for name, place in attributes.items() for value in _values(module, name, *place)}
    traits = read_traits(values)
    kernels = [module.tensors[name] for name in sorted(module.tensors) if name.endswith("resample_filter")]
    if kernels:
        traits["fir"] = fir_from_kernel(kernels[0].read())
    return Part({**module.tensors, **_silent(module)}, RULES, traits)


def _keyword_values(module: Module, keywords: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Follow each path through the keyword arguments that the network was built with."""
    values: dict[str, object] = {}
    for name, path in keywords.items():
        found: object = module.attributes[""].get("_init_kwargs")
        for step in path:
            found = found.get(step, MISSING) if isinstance(found, dict) else MISSING
        if found is not MISSING:
            values[name] = found
    return values


def _values(module: Module, name: str, layers: str, attribute: str) -> list[object]:
    """The attribute's one value, over the layers that have it."""
    states = (state for path, state in module.attributes.items() if re.fullmatch(layers, path))
    return single((state[attribute] for state in states if attribute in state), name)


def _silent(module: Module) -> dict[str, Scalar]:
    """Layers that were built without noise get a strength of 0."""
    paths = (path for path, state in module.attributes.items() if state.get("use_noise") is False)
    return {f"{path}.noise_strength": Scalar() for path in paths if re.fullmatch(STYLED, path)}


def _flatten(network: object) -> Module:
    """Walk the tree once; a module that stands in two places, or in itself, is refused."""
    found, seen = Module(), set[int]()
    waiting = [("", network)]
    while waiting:
        path, record = waiting.pop()
        if not isinstance(record, Record) or id(record) in seen or len(found.tensors) > MAX_TENSORS:
            raise CheckpointError(f"{path or 'network'}: found a {type(record).__name__}, expected a module of its own")
        seen.add(id(record))
        found.attributes[path] = record.state
        found.tensors |= {_join(path, name): tensor for name, tensor in _tensors(record)}
        waiting += [(_join(path, name), child) for name, child in _members(record, "_modules")]
    return found


def _tensors(record: Record) -> Iterator[tuple[str, TorchView | NumpyArray]]:
    for kind in ("_parameters", "_buffers"):  # frozen layers keep their weights as buffers
        for name, value in _members(record, kind):
            if not isinstance(value, (TorchView, NumpyArray)):
                raise CheckpointError(f"{name}: found a {type(value).__name__}, expected a tensor")
            yield name, value


def _members(record: Record, kind: str) -> Iterator[tuple[str, object]]:
    members = record.state.get(kind, {})
    if not isinstance(members, dict) or not all(isinstance(name, str) for name in members):
        raise CheckpointError(f"{record.kind}: found {kind} of {type(members).__name__}, expected names and values")
    return ((name, value) for name, value in members.items() if value is not None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
