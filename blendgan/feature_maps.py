"""Feature maps by the layer that makes them ("b8.conv0"), and which of them each tensor's channel axis indexes.

A convolution makes maps with its output channels; styles and to-RGB weights scale the maps that they read. So all that
belongs to one channel, filter, bias and the scales with which later layers read it, can take one alpha.
"""

from __future__ import annotations

from stylegan2.config import CONST_RESOLUTION, GeneratorConfig
from stylegan2.sites import SYNTHESIS, Site

CONST_MAPS = f"b{CONST_RESOLUTION}.const"


def maps_of(site: Site) -> str:
    """Return the name of the maps whose channels a synthesis tensor's `channel_axis` indexes.

    A tensor without such an axis (noise strength, to-RGB bias) acts on all of them alike. Raises ValueError in the
    mapping network, which has no maps.
    """
    if site.network != SYNTHESIS or site.resolution is None:
        raise ValueError(f"{site.name}: not in the synthesis network, which alone has feature maps")
    layer = site.name.split(".")[2]
    if layer == "const":
        return CONST_MAPS
    if ".affine." in site.name and layer != "torgb":
        return _read_by(layer, site.resolution)
    return f"b{site.resolution}.{'conv0' if layer == 'conv0' else 'conv1'}"  # to-RGB reads, the skip adds to, conv1's


def map_counts(config: GeneratorConfig) -> dict[str, int]:
    """Return the number of channels of all maps, from coarse to fine."""
    counts: dict[str, int] = {}
    for resolution in config.resolutions:
        layers = ("const", "conv1") if resolution == CONST_RESOLUTION else ("conv0", "conv1")
        counts |= {f"b{resolution}.{layer}": config.channels_at(resolution) for layer in layers}
    return counts


def resolution_of(maps: str) -> int:
    """Return the nominal resolution in px of maps by name: 8 of "b8.conv0"."""
    return int(maps.partition(".")[0].removeprefix("b"))


def _read_by(layer: str, resolution: int) -> str:
    if layer == "conv0":  # it up-samples
        return f"b{resolution // 2}.conv1"
    return CONST_MAPS if resolution == CONST_RESOLUTION else f"b{resolution}.conv0"
