"""`Tuning`: a main network, frozen, and what is trained beside it for a second level; one α turns from first to second.

The main network is a copy of the one given, which is never touched. Nothing of its code is edited: filters are replaced
by parametrisation, features by hooks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from blendgan.restoration.foreign import Described
from blendgan.restoration.restorer import Sizes
from blendgan.tuning.dial import Alpha, Dial
from blendgan.tuning.layers import Survey, filter_layers
from stylegan2.errors import InputError


class Tuning(nn.Module):
    """The interface of all methods. Parameters and state dict are those of the tuning alone, not the main network's.

    `forward(pictures, alpha)`: [N, C, H, W] -> [N, C, sH, sW]; at alpha = 0 the main network's result to the bit, and
    before any training at every alpha. `alpha` is a number in [0, 1], or a map [1, 1, H, W] of such, one for each
    pixel. Raises InputError for others, and for a map of another size than the pictures'.
    """

    def __init__(self, network: nn.Module, sizes: Sizes = Sizes()) -> None:  # noqa: B008  (frozen)
        super().__init__()
        main = copy.deepcopy(network).eval().requires_grad_(False)
        self._held = (main,)  # in a tuple, so that its tensors are none of this module's
        self.sizes = sizes
        self.dial = Dial()
        for layer in filter_layers(main).values():
            layer.register_forward_pre_hook(self._fit_map)

    @property
    def main(self) -> nn.Module:
        """The main network, with what tunes it attached: it acts by the last α that was turned to."""
        return self._held[0]

    def forward(self, pictures: Tensor, alpha: Alpha = 1.0) -> Tensor:
        """Return the tuned network's result."""
        self._turn(pictures, alpha)
        output: Tensor = self.main(pictures)
        return output

    def trained(self, pictures: Tensor) -> Tensor:
        """Return the result at the second level, with gradients. Sides must be what the network takes unpadded."""
        self.dial.turn(1.0)
        main = self.main
        return self._first_tensor(main.with_gradients(pictures) if isinstance(main, Described) else main(pictures))

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Return what the tuning adds to one run of the surveyed network; see `costs.py`."""
        raise NotImplementedError

    def extra_reach(self) -> int:
        """Return how many px further than the main network a pixel of the result looks, to each side."""
        return 0

    def filters(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return of each layer whose filters the tuning changes those of the first and of the second level.

        Filters lie along the first axis. Methods that change features alone return none.
        """
        return {}

    def _fit_map(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not self.dial.is_fitted and inputs:
            self.dial.fit(inputs[0])

    def _turn(self, pictures: Tensor, alpha: Alpha) -> None:
        self.dial.turn(alpha)
        if self.dial.map is not None:
            found, expected = tuple(self.dial.map.shape[2:]), tuple(pictures.shape[2:])
            if found != expected:
                raise InputError(
                    f"alpha: found a map of {found[1]} x {found[0]} px, expected the pictures' size, {expected[1]} x "
                    f"{expected[0]} px"
                )
            self.dial.map = self.dial.map.to(pictures)
            self.dial.pad(*self.sizes.padded(*expected))

    def _first_tensor(self, output: Any) -> Tensor:
        if isinstance(output, (tuple, list)) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            raise InputError(f"{type(self.main).__name__}: found a result of {type(output)}, expected a picture")
        return output

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Tuning:  # noqa: FBT001, FBT002 (torch's)
        """Moves to a device take the main network along."""
        self.main._apply(fn, recurse)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def member(name: str) -> str:
    """Return a layer's name as that of a member, which must hold no dots: blocks.0.conv1 -> blocks/0/conv1."""
    return name.replace(".", "/")
