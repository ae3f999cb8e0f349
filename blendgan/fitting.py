"""Do the models of a blend fit each other? What differs, in one error; and models of different size."""

from __future__ import annotations

from collections.abc import Sequence

from blendgan.differences import Difference, differences
from blendgan.grafting import graft, shrink
from blendgan.recipe import Size
from blendgan.sources import Source
from stylegan2.errors import ShapeMismatch

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
    found = differences(base.checkpoint, transfer.checkpoint)
    if not found:
        return
    hidden = [one for one in found if one.what not in vars(base.checkpoint.config)][SHOWN:]
    told = [_told(one) for one in found if one not in hidden] + [f"and {len(hidden)} more tensors"] * bool(hidden)
    sizes = {source.checkpoint.config.resolution for source in (base, transfer)}
    advice = (
        "Models of one family but of two sizes are blended with --size smaller or --size larger."
        if len(sizes) > 1
        else "Blending needs equal architectures: train TRANSFER from this BASE, or choose the BASE that it was "
        "trained from."
    )
    raise ShapeMismatch(f"{base.name} (BASE) and {transfer.name} (TRANSFER) do not fit: {'; '.join(told)}. {advice}")


def _told(one: Difference) -> str:
    second = one.transfer.removeprefix("shape ")  # the first was just called so
    return f"{one.what}: BASE has {one.base}, TRANSFER {second}"
