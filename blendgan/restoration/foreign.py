"""All other networks, through the library spandrel (the extra `restore`): it gets tensors, never a file.

Files are read by the project's own reader, which runs nothing of them. Of what spandrel says of a network its channels,
scale, demands on the picture's size, and whether it may be cut into tiles are kept to.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from blendgan.restoration.restorer import Restorer, Sizes
from stylegan2.errors import InputError, ShapeMismatch, UnknownFormat

OVERLAP = 32  # px to each side of a tile: such networks do not say how far they look; by eye no seam is left
FIRST_NAMES = 3  # of an unknown file's tensors are told
SHAPE = r"torch\.Size\((\[[\d, ]*\])\)"
COMPLAINTS = (  # of torch's, about a state dict, and what they say in our words
    (rf"size mismatch for ([\w.]+): .*?{SHAPE}.*?{SHAPE}", "{}: found {}, expected {}"),
    (r'Missing key\(s\) in state_dict: "([^"]+)"', "{} is missing"),
    (r'Unexpected key\(s\) in state_dict: "([^"]+)"', "found {}, which the architecture does not have"),
)


class Described(nn.Module):
    """A network of spandrel's, [N, channels, H, W] to [N, channels, sH, sW]; it pads each picture as it needs."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self._call = descriptor  # no module: a plain attribute

    def forward(self, pictures: Tensor) -> Tensor:
        with _quietly():
            return torch.cat([self._call(picture[None]) for picture in pictures])  # it takes one picture at a time

    def with_gradients(self, pictures: Tensor, model: Callable[[Tensor], Any] | None = None) -> Any:
        """Return what the network, or `model` in its place, gives for pictures of sizes that need no padding.

        The library's own call takes no gradients; what it adds to the picture, such as a map of the noise, is added.
        """
        plain: Callable[[Any, Tensor], Any] = lambda network, given: network(given)  # noqa: E731
        with _quietly():
            return getattr(self._call, "_call_fn", plain)(model or self.model, pictures)


def recognise_foreign(tensors: Mapping[str, Tensor], name: str) -> Restorer:
    """Return a network that spandrel knows. Raises UnknownFormat, ShapeMismatch, or InputError for one that draws no
    restored pictures.
    """
    descriptor = _described(tensors, name)
    channels = descriptor.input_channels
    if descriptor.purpose == "Inpainting" or channels != descriptor.output_channels or channels not in (1, 3):
        raise InputError(
            f"{name}: found a {descriptor.architecture.name} network, {channels} channels to "
            f"{descriptor.output_channels}, for {descriptor.purpose}; expected one that takes and gives a grey or "
            "colour picture"
        )
    return Restorer(
        _network(descriptor),
        f"{descriptor.architecture.name} network x{descriptor.scale} (by spandrel)",
        channels,
        descriptor.scale,
        OVERLAP,
        name,
        _sizes(descriptor.size_requirements),
        is_exact_in_tiles=False,
        whole_pictures=descriptor.tiling.name != "SUPPORTED",
        build=lambda other: _network(_described(other, name)),
    )


def _described(tensors: Mapping[str, Tensor], name: str) -> Any:
    """What spandrel makes of a state dict: its ImageModelDescriptor, or its MaskedImageModelDescriptor."""
    spandrel = _library(tensors, name)
    state = {key: value.float() if value.is_floating_point() else value.clone() for key, value in tensors.items()}
    try:
        with _quietly():
            return spandrel.ModelLoader(device="cpu").load_from_state_dict(state)
    except spandrel.UnsupportedModelError as error:
        raise UnknownFormat(f"{_unknown(tensors, name)}, which spandrel does not know either") from error
    except Exception as error:  # it reads hyper-parameters off a file that may lack anything
        raise ShapeMismatch(f"{name}: {_reason(error)}; is the file whole?") from error


def _library(tensors: Mapping[str, Tensor], name: str) -> Any:
    try:
        with _quietly():
            import spandrel  # optional: the extra `restore`
    except ImportError as error:
        raise UnknownFormat(
            f"{_unknown(tensors, name)}; other networks are run through a library: pip install 'blendgan[restore]'"
        ) from error
    except (RuntimeError, OSError) as error:  # a torchvision of another torch
        raise UnknownFormat(
            f"{_unknown(tensors, name)}; spandrel, which may know it, cannot be imported ({_first_line(error)}); "
            "pip install 'blendgan[restore]' in a fresh environment"
        ) from error
    return spandrel


@contextmanager
def _quietly() -> Iterator[None]:
    """Of what its networks call much is deprecated, which is no matter of the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _unknown(tensors: Mapping[str, Tensor], name: str) -> str:
    names = ", ".join(list(tensors)[:FIRST_NAMES])
    more = f" and {len(tensors) - FIRST_NAMES} more" if len(tensors) > FIRST_NAMES else ""
    found = f"{names or 'none'}{more}"
    ours = "neither a DnCNN, a compact super-resolution network nor a residual denoiser"
    return f"{name}: found the tensors {found}: {ours}"


def _reason(error: Exception) -> str:
    """The first tensor that does not fit, where the library's complaint names one."""
    for pattern, words in COMPLAINTS:
        if found := re.search(pattern, str(error)):
            return words.format(*found.groups())
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return f"a network could not be built of these tensors ({type(error).__name__}: {_first_line(error)})"


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _network(descriptor: Any) -> nn.Module:
    return Described(descriptor.eval()).eval().requires_grad_(False)


def _sizes(requirements: Any) -> Sizes:
    return Sizes(requirements.multiple_of, requirements.minimum, requirements.square)
