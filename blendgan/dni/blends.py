"""Network files and weights -> one network file: what all of them hold, mixed, and written as a stream.

A safetensors result says in its metadata what the inputs' agree on, and how it was made; a torch file keeps that in a
member of its own. A StyleGAN2 file of ours stays one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from blendgan import __version__
from blendgan.ancestry import parent_of
from blendgan.dni.agreement import Named
from blendgan.dni.correlation_tables import glance
from blendgan.dni.mixing import POLICIES, Integers, Mixture, check_states, checked_weights
from blendgan.dni.network_files import SAFETENSORS, NetworkFile, open_network
from blendgan.dni.state_dicts import Prefixed
from blendgan.dni.torch_files import write_torch
from blendgan.kinship import FAILS_BELOW
from blendgan.licences import strictest
from stylegan2.checkpoints import native
from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.headers import FORMAT, KEY, read_header
from stylegan2.checkpoints.lazy import LazyTensors
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch

NOTE = "blendgan_dni"  # the key of a result's metadata under which it says how it was made
TORCH_ENDINGS = (".pth", ".pt", ".ckpt", ".bin")
ENDINGS = (".safetensors", *TORCH_ENDINGS)
MOST_LISTED = 8  # of the places that are left out
LONGEST_STEM = 30  # characters of a network's name in the name of a result


@dataclass(frozen=True, eq=False)
class Blend:
    """A mean of network files, its tensors computed when they are read. `parts` are by their place in the first file.

    `left_out` names what some of the files hold and the result does not, as `name: place`.
    """

    networks: tuple[NetworkFile, ...]
    weights: tuple[float, ...]
    integers: Integers
    parts: Mapping[str, Mixture]
    left_out: tuple[str, ...]
    repair: Mapping[str, Any] | None = None  # on which pictures activations were restored, and what was done

    @property
    def place(self) -> str:
        """The place of the part to run."""
        place = self.networks[0].place
        return place if place in self.parts else next(iter(self.parts))

    @property
    def tensors(self) -> Mixture:
        """The part to run."""
        return self.parts[self.place]

    def note(self) -> dict[str, Any]:
        """Return how the blend was made, as plain JSON values: version, networks with fingerprints, weights, policy."""
        networks = [
            {"name": Path(one.name).name, "fingerprint": one.fingerprint, "weight": weight}
            | ({"metadata": dict(one.metadata)} if one.metadata and KEY not in one.metadata else {})
            for one, weight in zip(self.networks, self.weights, strict=True)
        ]
        note = {"version": __version__, "networks": networks, "integers": self.integers}
        return note if self.repair is None else {**note, "repair": dict(self.repair)}


def mix(
    models: Sequence[str | os.PathLike[str] | NetworkFile], weights: Sequence[float], integers: Integers = "nearest"
) -> Blend:
    """Mix network files: every state dict that all of them have, else of each the one to run.

    `weights` are at least 0, with sum 1; see `mixing.interpolate` for what is computed. Files are read for their
    checks, and again, a tensor at a time, when the result is. Raises RecipeError, ShapeMismatch, CheckpointError,
    UnknownWeights.
    """
    networks = tuple(map(open_network, models))
    shares = checked_weights(len(networks), weights)
    prints = [network.fingerprint for network in networks]
    parts = {}
    matched = _matched(networks)
    for places in matched:
        states = [network.parts[place] for network, place in zip(networks, places, strict=True)]
        named = [Named(network.name, state) for network, state in zip(networks, states, strict=True)]
        check_states(named, shares, f"{places[0]}." if places[0] else "")
        parts[places[0]] = Mixture(states, shares, prints, integers)
        parts[places[0]].check_integers()
    return Blend(networks, shares, integers, parts, tuple(_left_out(networks, matched)))


def save(blend: Blend, target: Path, *, replace: bool = False) -> tuple[str, ...]:
    """Write a blend in the form that the name's ending says; return the places that were written.

    A torch file has all parts, nested as in the first input; a safetensors file has no nesting, and holds the part to
    run. Raises InputError for another ending, an input's own name, or a file that is there while `replace` is off.
    """
    check_target(target, blend.networks, replace=replace)
    with writing(target) as file:
        return write(file, blend, target.suffix)


def write(file: BinaryIO, blend: Blend, ending: str) -> tuple[str, ...]:
    """Write a blend into an open file, in the form of an ending of `ENDINGS`; return the places that were written."""
    note = json.dumps(blend.note(), sort_keys=True)
    if ending.lower() in TORCH_ENDINGS:
        paths = {blend.networks[0].path_of(place): _wrapped(blend, place) for place in blend.parts}
        write_torch(file, paths, note)
        return tuple(blend.parts)
    if (checkpoint := _stylegan2(blend)) is not None:
        native.write(file, checkpoint)
    else:
        native.write_tensors(file, _wrapped(blend, blend.place), {**_agreed(blend.networks), NOTE: note})
    return (blend.place,)


def check_target(target: Path, networks: Sequence[NetworkFile], *, replace: bool) -> None:
    """Refuse a name before the work, not after it."""
    if target.suffix.lower() not in ENDINGS:
        raise InputError(f"{target}: found the ending {target.suffix!r}, expected one of {', '.join(ENDINGS)}")
    if target.resolve() in [network.source.resolve() for network in networks if network.source]:
        raise InputError(f"{target}: is one of the networks that are mixed; choose another name with -o")
    if target.exists() and not replace:
        raise InputError(f"{target}: is there already; choose another name with -o, or replace it with --force")


def default_target(networks: Sequence[NetworkFile], weights: Sequence[float]) -> Path:
    """Return a name in the working directory: the networks', B's share or all shares, the ending of the first."""
    stems = "-".join(Path(network.name).stem[:LONGEST_STEM] for network in networks)
    numbers = "-".join(f"{weight:.3g}" for weight in (weights[1:] if len(weights) == 2 else weights))
    ending = Path(networks[0].name).suffix
    plain = ".safetensors" if networks[0].form == SAFETENSORS else ".pth"
    return Path(f"{stems}-{numbers}{ending if ending.lower() in ENDINGS else plain}")


def sentences(blend: Blend, target: Path, written: Sequence[str]) -> Iterator[str]:
    """What was written, what became of integers, and what was left out, each in one line."""
    shares = ", ".join(f"{weight:.4g} {one.name}" for weight, one in zip(blend.weights, blend.networks, strict=True))
    count = sum(len(blend.parts[place]) for place in written)
    yield f"wrote {target}: {count} tensor{'s' if count > 1 else ''}{_listed(' of ', written)}, {shares}"
    integers = sum(len(blend.parts[place].integers) for place in written)
    if integers:
        them = "of them is an integer" if integers == 1 else "of them are integers"
        yield f"{integers} {them}: {_policy(blend)} (--integers {blend.integers})"
    unwritten = [place or "the top" for place in blend.parts if place not in written]
    if unwritten:
        yield f"a .safetensors file has no nesting: without {', '.join(unwritten)}; a .pth holds all"
    if target.suffix.lower() in TORCH_ENDINGS and any(KEY in network.metadata for network in blend.networks):
        yield "a StyleGAN2 model in a torch file lacks its records: nothing here draws with it; take .safetensors"
    if blend.repair is not None:
        yield blend.repair["done"]
    if blend.left_out:
        yield f"left out: {'; '.join(blend.left_out)}"
    yield from _warnings(blend)


def _policy(blend: Blend) -> str:
    if blend.integers != "nearest":
        return POLICIES[blend.integers]
    is_tied = blend.weights.count(max(blend.weights)) > 1
    why = "by its fingerprint, since weights are equal" if is_tied else "the network with the largest weight"
    return f"those of {blend.networks[blend.tensors.leader].name}, {why}"


def _warnings(blend: Blend) -> Iterator[str]:
    """Name the networks that share no ancestry with the first: their mean shows nothing."""
    giving = [one for one, weight in zip(blend.networks, blend.weights, strict=True) if weight]
    for other in giving[1:]:
        found = glance(giving[0].tensors, other.tensors)
        if found is not None and found < FAILS_BELOW:
            yield (
                f"warning: the filters of {giving[0].name} and {other.name} correlate by {found:.2f}, under "
                f"{FAILS_BELOW}: networks that share no ancestry have no useful mean (`blendgan dni correlation`)"
            )


def _wrapped(blend: Blend, place: str) -> LazyTensors:
    """A part with its names as the first network's file has them."""
    prefix = blend.networks[0].prefixes.get(place, "")
    return Prefixed(blend.parts[place], prefix) if prefix else blend.parts[place]


def _listed(before: str, places: Sequence[str]) -> str:
    return before + " and ".join(place or "the top" for place in places) if any(places) else ""


def _matched(networks: Sequence[NetworkFile]) -> list[tuple[str, ...]]:
    """The state dicts that are mixed with each other: a place in each of the networks."""
    places = [place for place in networks[0].parts if all(place in network.parts for network in networks)]
    return [(place,) * len(networks) for place in places] or [tuple(network.place for network in networks)]


def _left_out(networks: Sequence[NetworkFile], matched: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for network, mixed in zip(networks, zip(*matched, strict=True), strict=True):
        rest = [*(place or "the top" for place in network.parts if place not in mixed), *network.left_out]
        if rest:
            more = f" and {len(rest) - MOST_LISTED} more" if len(rest) > MOST_LISTED else ""
            yield f"{', '.join(rest[:MOST_LISTED])}{more} of {network.name}"


def _agreed(networks: Sequence[NetworkFile]) -> dict[str, str]:
    """What the metadata of all inputs says alike; what each said of its own is in the note."""
    first, *others = (network.metadata for network in networks)
    return {k: v for k, v in first.items() if k != NOTE and all(other.get(k) == v for other in others)}


def _stylegan2(blend: Blend) -> Checkpoint | None:
    """The blend as a StyleGAN2 checkpoint of ours, where the inputs' metadata says that they are."""
    networks = [network for network in blend.networks if KEY in network.metadata]
    models = [_model(network) for network in networks]
    if not models:
        return None
    if any((one.config, one.discriminator) != (models[0].config, models[0].discriminator) for one in models):
        raise ShapeMismatch(
            "the StyleGAN2 models say different things of their networks, which no shape shows (`blendgan inspect A B` "
            "lists them); expected two of one architecture"
        )
    parents = [parent_of(one.name, one.fingerprint, model) for one, model in zip(networks, models, strict=True)]
    metadata: dict[str, Any] = {"format": FORMAT, "dni": blend.note(), "lineage": {"blend": parents}}
    if licence := strictest(model.metadata.get("licence") for model in models):
        metadata["licence"] = licence
    return Checkpoint(models[0].config, blend.tensors, metadata, models[0].discriminator)


def _model(network: NetworkFile) -> Checkpoint:
    try:
        config, discriminator, metadata = read_header(network.metadata[KEY])
    except CheckpointError as error:
        raise type(error)(f"{network.name}: {error}") from error
    return Checkpoint(config, network.tensors, metadata, discriminator)
