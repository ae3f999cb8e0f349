"""Which architecture a state dict belongs to: keys that identify it, and shapes that give its sizes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from blendgan.restoration.foreign import recognise_foreign
from blendgan.restoration.layouts import Layout, find_layout
from blendgan.restoration.residual_layout import find_residual
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import InputError, ShapeMismatch

GENERATOR_PREFIX = "synthesis.b4."  # of names that every StyleGAN2 model has


def recognise(tensors: Mapping[str, Tensor], name: str) -> Restorer:
    """Return the network with these tensors, float32, in evaluation mode, without gradients.

    DnCNN, the compact super-resolution network and the residual denoiser are known by themselves, all others through
    the library spandrel (the extra `restore`), where it is there. `name` is for messages. Raises UnknownFormat, which
    tells the first names, for any other network, and ShapeMismatch, which names the first tensor that does not fit, for
    a known one; InputError for a StyleGAN2 model.
    """
    if any(key.startswith(GENERATOR_PREFIX) for key in tensors):
        raise InputError(
            f"{name}: found a StyleGAN2 model, expected a restoration network; between two StyleGAN2 models a path is "
            "learned by `blendgan tune generator BASE TRANSFER`, and `blendgan blend` mixes them"
        )
    tensors = dict(tensors)  # those of a file are read whenever they are asked for
    layout = _find(tensors, name)
    if layout is None:
        return recognise_foreign(tensors, name)

    def build(other: Mapping[str, Tensor]) -> nn.Module:
        return _layout_of(other, name, layout.words).fill(other, name)

    network = layout.fill(tensors, name)
    return Restorer(network, layout.words, layout.channels, layout.scale, layout.reach, name, layout.sizes, build=build)


def _find(tensors: Mapping[str, Tensor], name: str) -> Layout | None:
    return find_residual(tensors, name) or find_layout(tensors, name)


def _layout_of(tensors: Mapping[str, Tensor], name: str, words: str) -> Layout:
    layout = _find(tensors, name)
    if layout is None or layout.words != words:
        found = "another architecture" if layout is None else f"a {layout.words}"
        raise ShapeMismatch(f"{name}: found {found}, expected a {words}")
    return layout
