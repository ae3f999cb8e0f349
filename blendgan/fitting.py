"""Do the models of a blend fit each other? What differs, in one error; and models of different size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from blendgan.recipe import Size
from blendgan.sources import Source
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.lazy import describe
from stylegan2.errors import ShapeMismatch
from stylegan2.sites import NOISE_BUFFER, W_AVG, sites

OPTIONAL_ROLES = (W_AVG, NOISE_BUFFER)  # rosinality's training files have no w_avg; noise can be drawn anew
# How a network trained or is run, not what its tensors mean (BASE's value stays); and widths that mean nothing without
# labels or hidden layers, where readers may fill them in differently. Where they mean something the shapes differ too.
FREE_FIELDS = ("conv_clamp", "w_avg_decay", "embed_dim", "mapping_width")
SHOWN = 3  # tensors that differ; of a large model hundreds may


def fit(sources: Sequence[Source], size: Size) -> tuple[Source, ...]:
    """Return the models, BASE first, all of one shape; `size` says what becomes of different resolutions.

    Raises ShapeMismatch, which says what does not fit.
    """
    fitted = tuple(sources) if size == "same" else _of_one_size(sources, size)
    for transfer in fitted[1:]:
        check_fit(fitted[0], transfer)
    return fitted


def _of_one_size(sources: Sequence[Source], size: Size) -> tuple[Source, ...]:
    from blendgan.grafting import graft, shrink

    resolutions = [source.checkpoint.config.resolution for source in sources]
    if size == "smaller":
        return tuple(Source(one.name, shrink(one.checkpoint, min(resolutions))) for one in sources)
    largest = sources[resolutions.index(max(resolutions))].checkpoint
    return tuple(
        one if resolution == max(resolutions) else Source(one.name, graft(one.checkpoint, largest))
        for one, resolution in zip(sources, resolutions, strict=True)
    )


def check_fit(base: Source, transfer: Source) -> None:
    """Raise ShapeMismatch, with the first tensors and all records that differ, if two models cannot be blended."""
    tensors = [*_tensor_differences(base.checkpoint, transfer.checkpoint)]
    differences = [*tensors[:SHOWN], *_config_differences(base.checkpoint, transfer.checkpoint)]
    if not differences:
        return
    if len(tensors) > SHOWN:
        differences.append(f"and {len(tensors) - SHOWN} more tensors")
    sizes = {source.checkpoint.config.resolution for source in (base, transfer)}
    advice = (
        "Models of one family but of two sizes are blended with --size smaller or --size larger."
        if len(sizes) > 1
        else "Blending needs equal architectures: train TRANSFER from this BASE, or choose the BASE that it was "
        "trained from."
    )
    raise ShapeMismatch(
        f"{base.name} (BASE) and {transfer.name} (TRANSFER) do not fit: {'; '.join(differences)}. {advice}"
    )


def _config_differences(base: Checkpoint, transfer: Checkpoint) -> Iterator[str]:
    theirs = asdict(transfer.config)
    for name, value in asdict(base.config).items():
        if value != theirs[name] and name not in FREE_FIELDS:
            yield f"{name}: BASE has {value}, TRANSFER {theirs[name]}"


def _tensor_differences(base: Checkpoint, transfer: Checkpoint) -> Iterator[str]:
    """Pair the tensors by name, in the table's order; names outside the table come last."""
    table = sites(base.config) | sites(transfer.config)
    optional = {name for name, site in table.items() if site.role in OPTIONAL_ROLES}
    ours, theirs = _generator(base), _generator(transfer)
    for name in [*table, *sorted((ours.keys() | theirs.keys()) - table.keys())]:
        a, b = ours.get(name), theirs.get(name)
        if name not in table:
            yield f"{name}: no tensor of this architecture"
        elif (a is None or b is None) and name not in optional:
            yield f"{name}: BASE has {'none' if a is None else a}, TRANSFER {'none' if b is None else b}"
        elif a is not None and b is not None and a != b:
            yield f"{name}: BASE has shape {a}, TRANSFER {b}"


def _generator(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    others = (DISCRIMINATOR_PREFIX, RAW_PREFIX)
    described = describe(checkpoint.tensors)
    return {name: shape for name, (_, shape) in described.items() if not name.startswith(others)}
