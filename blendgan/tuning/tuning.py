"""`Tuning`: a main network, frozen, and what is trained beside it for a second level; one α turns from first to second.

The main network is a copy of the one given, which is never touched. Nothing of its code is edited: filters are replaced
by parametrisation, features by hooks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

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
        main = frozen_copy(network)
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


def frozen_copy(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation, without gradients, whose weights are plain ones.

    Normed weights (weight norm, spectral norm, any parametrisation) become the numbers that they have, so that what
    tunes filters finds them. Raises InputError for networks of other numbers than float32, and for scripted ones.
    """
    if isinstance(network, torch.jit.ScriptModule):
        raise InputError(
            "network: found a scripted one, whose layers cannot be tuned; give the module that it was made of"
        )
    other = next((t.dtype for t in network.parameters() if t.is_floating_point() and t.dtype != torch.float32), None)
    if other is not None:
        raise InputError(f"network: found {other} parameters, expected torch.float32; give network.float()")
    derived = [
        t for module in network.modules() for t in vars(module).values() if isinstance(t, Tensor) and not t.is_leaf
    ]
    main = copy.deepcopy(network, {id(t): t.detach().clone() for t in derived}).eval()  # others cannot be copied
    for module in main.modules():
        if parametrize.is_parametrized(module):
            _make_plain(module)
        for hook in [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, WeightNorm)]:
            remove_weight_norm(module, hook.name)
    return main.requires_grad_(False)


def _make_plain(module: nn.Module) -> None:
    """As torch's `remove_parametrizations`, which would take them from the class, and so from the copied module too."""
    held: Any = module.parametrizations
    values = {name: getattr(module, name).detach().clone() for name in held}
    plain = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    module.__class__ = plain
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))


def member(name: str) -> str:
    """Return a layer's name as that of a member, which must hold no dots: blocks.0.conv1 -> blocks/0/conv1."""
    return name.replace(".", "/")
