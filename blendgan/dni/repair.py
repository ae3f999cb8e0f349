"""REPAIR (Jordan et al. 2023): give a network between others back the activations that averaging took from it.

The mean of two weights is smaller than the weights where they disagree, so activations of the mixed network vary less
than those of its parents, more so from layer to layer. Remedy, for each output channel of each hidden convolution,
linear layer or batch norm, before the nonlinearity:

    x' = (x - mean x) s / std x + m,    m = sum_i w_i mean_i,    s = sum_i w_i std_i

with means and deviations over pictures and places; i runs over the parents, w_i are their weights in the mix. The map
is affine, so it goes into the layer's own weight and bias, and the result is a network like the others. One forward
pass does it, layer after layer: a layer sees its input as the repaired ones before it leave it.

A layer without a bias has its scale restored alone. The last layer, whose output is the picture, is not hidden; layers
that are used more than once, or are of another kind, stay as they are.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from blendgan.restoration.foreign import Described
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import InputError, RecipeError

DEAD = 1e-6  # of mean and target: a channel that varies less is constant but for rounding, and has no scale to restore


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of a layer's output, before its nonlinearity: float64 [channels], over pictures and places."""

    mean: Tensor
    deviation: Tensor


@dataclass(frozen=True, eq=False)
class Repaired:
    """The network, and what was done: layers restored, those of them without a bias, and layers left as they were."""

    restorer: Restorer
    layers: tuple[str, ...]
    scale_only: tuple[str, ...]
    left_alone: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was done, in words, with the network's names."""
        return self.told({})

    def told(self, names: Mapping[str, str]) -> str:
        """What was done, in words, with the names that a file has for tensors (`file_names`) where it has others."""
        words = f"REPAIR: the activations of {_counted(self.layers)} restored"
        words += f", {len(self.scale_only)} of them, without a bias, in scale alone" if self.scale_only else ""
        left = [names.get(f"{name}.weight", name).removesuffix(".weight") for name in self.left_alone]
        return words + (f"; {', '.join(left)} left as {'they were' if len(left) > 1 else 'it was'}" if left else "")


def _counted(layers: Sequence[str]) -> str:
    return f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"


class Repairer:
    """Restores networks between the same parents; their statistics are taken once, on pictures [N, C, H, W]."""

    def __init__(self, parents: Sequence[Restorer], pictures: Tensor) -> None:
        self._pictures = pictures
        self._parents = [statistics(parent, pictures) for parent in parents]

    def repair(self, between: Restorer, weights: Sequence[float]) -> Repaired:
        """Return the network with its activations restored; one that is a parent whole is returned as it is.

        Raises RecipeError for another number of weights than of parents.
        """
        if len(weights) != len(self._parents):
            raise RecipeError(f"weights: found {len(weights)}, expected one for each of {len(self._parents)} networks")
        if sum(weight != 0 for weight in weights) < 2:
            return Repaired(between, (), (), ())
        targets = {name: self._target(name, weights) for name in self._parents[0]}
        changed = replace(between, network=copy.deepcopy(between.network))
        with torch.inference_mode(), _Hooks(changed.network, _Mender(targets)):
            changed.network(_fed(changed, self._pictures))
        layers = _layers(changed.network)
        scale_only = tuple(name for name in targets if layers[name].bias is None)
        return Repaired(changed, tuple(targets), scale_only, tuple(name for name in layers if name not in targets))

    def _target(self, name: str, weights: Sequence[float]) -> Statistics:
        giving = [(w, parent[name]) for w, parent in zip(weights, self._parents, strict=True) if w]  # others may be NaN
        means = torch.stack([w * one.mean for w, one in giving])
        return Statistics(means.sum(dim=0), torch.stack([w * one.deviation for w, one in giving]).sum(dim=0))


def statistics(restorer: Restorer, pictures: Tensor) -> dict[str, Statistics]:
    """Return the statistics of each hidden layer that can be restored, by name, in the order of the forward pass."""
    taker = _Taker()
    with torch.inference_mode(), _Hooks(restorer.network, taker):
        restorer.network(_fed(restorer, pictures))
    names = list(taker.found)
    return {name: taker.found[name] for name in names[:-1] if taker.times[name] == 1}  # the last one makes the picture


def repair(
    states: Sequence[Mapping[str, Tensor]], weights: Sequence[float], mixed: Mapping[str, Tensor], pictures: Tensor
) -> tuple[dict[str, Tensor], Repaired]:
    """Return a mix of networks with its activations restored on pictures [N, C, H, W], and what was done.

    `states` are the parents, `weights` their shares in `mixed`. The result has the names and types of `mixed`; where a
    weight is 1 it is `mixed`. Raises UnknownFormat for networks that are not recognised, and what `Repairer.repair`
    and `changed_tensors` raise.
    """
    parents = [recognise(state, f"network {index + 1}") for index, state in enumerate(states)]
    done = Repairer(parents, pictures).repair(parents[0].with_tensors(mixed), weights)
    return {**mixed, **changed_tensors(done, mixed)}, done


def changed_tensors(done: Repaired, mixed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that the repair changed, under the names and in the types of `mixed`, the file's.

    Raises InputError where a layer is not in the file as the network has it.
    """
    own, names = done.restorer.network.state_dict(), file_names(done.restorer, mixed)
    changed = [name for layer in done.layers for name in (f"{layer}.weight", f"{layer}.bias") if name in own]
    for name in changed:
        if name not in names:
            raise InputError(f"repair: {name} of the network is no tensor of the file; try without --repair")
    return {names[name]: own[name].to(mixed[names[name]].dtype) for name in changed}


def file_names(restorer: Restorer, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the network's name of a tensor -> its name in the file, for all that are taken over as they are.

    Found by building the network of tensors that are filled with their own number.
    """
    names = list(tensors)
    numbered = {
        name: torch.full(tensor.shape, index + 1.0) if tensor.is_floating_point() else tensor
        for index, (name, tensor) in enumerate(tensors.items())
    }
    found = {}
    for ours, tensor in restorer.with_tensors(numbered).network.state_dict().items():
        number = int(tensor.flatten()[0]) if tensor.is_floating_point() and tensor.numel() else 0
        if 0 < number <= len(names) and torch.equal(tensor, numbered[names[number - 1]]):
            found[ours] = names[number - 1]
    return found


def _fed(restorer: Restorer, pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] as the network takes all at once: spandrel's take one, so they are laid side by side."""
    if not isinstance(restorer.network, Described) or len(pictures) == 1:
        return pictures
    rows = math.isqrt(len(pictures))
    columns = len(pictures) // rows
    grid: Tensor = pictures[: rows * columns].unflatten(0, (rows, columns))  # [rows, columns, C, H, W]
    return grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)[None]


def _layers(network: nn.Module) -> dict[str, Any]:
    """The layers whose output channels can be scaled by their own weight and bias."""
    return {name: layer for name, layer in network.named_modules() if _channel_axis(layer) is not None}


def _channel_axis(layer: nn.Module) -> int | None:
    """The axis of the weight that indexes output channels; None for other kinds of layer."""
    if type(layer) in (nn.Conv1d, nn.Conv2d, nn.Linear):  # the kinds themselves: a child may use its weight otherwise
        return 0
    if type(layer) is nn.BatchNorm2d and layer.affine:  # in evaluation mode: a fixed affine map
        return 0
    return 1 if type(layer) is nn.ConvTranspose2d and layer.groups == 1 else None


def _statistics(layer: nn.Module, output: Tensor) -> Statistics:
    rows = output.movedim(-1 if isinstance(layer, nn.Linear) else 1, 0).flatten(1)  # [channels, n]
    pairs = [torch.var_mean(part.double(), dim=1, correction=0) for part in rows.split(8)]  # float64, a few at a time
    return Statistics(torch.cat([mean for _, mean in pairs]), torch.cat([variance.sqrt() for variance, _ in pairs]))


class _Taker:
    """Takes the statistics of layers as they are run."""

    def __init__(self) -> None:
        self.found: dict[str, Statistics] = {}
        self.times: Counter[str] = Counter()

    def __call__(self, name: str, layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.found.pop(name, None)  # the order is that of the last time
        self.found[name] = _statistics(layer, output)
        self.times[name] += 1


class _Mender:
    """Changes layers as they are run, and hands on what the changed layer gives."""

    def __init__(self, targets: Mapping[str, Statistics]) -> None:
        self._targets = targets

    def __call__(self, name: str, layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        target = self._targets.get(name)
        if target is None:
            return None
        now = _statistics(layer, output)
        is_alive = now.deviation > DEAD * (now.mean.abs() + target.deviation)
        gain = torch.where(is_alive, target.deviation / now.deviation, 1.0)
        shape = [-1 if axis == _channel_axis(layer) else 1 for axis in range(layer.weight.ndim)]
        layer.weight.copy_(layer.weight.double() * gain.reshape(shape))
        if layer.bias is not None:
            layer.bias.copy_((layer.bias.double() - now.mean) * gain + target.mean)
        result: Tensor = layer.forward(*inputs)  # not a call: that would come here again
        return result


class _Hooks:
    """Lets a watcher see each layer that is run, inside a `with`."""

    def __init__(self, network: nn.Module, watcher: Any) -> None:
        self._network, self._watcher = network, watcher

    def __enter__(self) -> None:
        def hook_of(name: str) -> Any:
            return lambda layer, inputs, output: self._watcher(name, layer, inputs, output)

        self._handles = [layer.register_forward_hook(hook_of(name)) for name, layer in _layers(self._network).items()]

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
