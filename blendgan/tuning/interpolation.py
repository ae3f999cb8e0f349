"""DNI as a tuning: a fine-tuned copy of all parameters; between levels their mean; see `blendgan.dni`.

A map mixes the two levels' pictures, as in their figure 6. What normalisation layers have counted stays the main
network's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call

from blendgan.dni.mixing import interpolate
from blendgan.restoration.foreign import Described
from blendgan.restoration.region_map import resized
from blendgan.restoration.restorer import Sizes
from blendgan.tuning.dial import Alpha, between
from blendgan.tuning.layers import FILTER_AXES, Survey, filter_axis, filter_layers
from blendgan.tuning.tuning import Tuning, member


class DNI(Tuning):
    """The second level is another set of all parameters, which starts as the first."""

    def __init__(self, network: nn.Module, sizes: Sizes = Sizes()) -> None:  # noqa: B008  (frozen)
        super().__init__(network, sizes)
        self.second = nn.ParameterDict(
            {member(name): nn.Parameter(value.clone()) for name, value in self._first().items()}
        )

    def forward(self, pictures: Tensor, alpha: Alpha = 1.0) -> Tensor:
        """Return the interpolated network's result; under a map that of both levels, mixed."""
        self._turn(pictures, alpha)
        if self.dial.map is None:
            return self._run(pictures, self.dial.level)
        share = self.dial.map[..., : pictures.shape[2], : pictures.shape[3]]
        first, second = self._run(pictures, 0), self._run(pictures, 1)
        return between(first, second, resized(share, first.shape[2], first.shape[3]))

    def trained(self, pictures: Tensor) -> Tensor:
        """Return the second level's result, with gradients."""
        main, second = self.main, self._second()
        if not isinstance(main, Described):
            return self._first_tensor(functional_call(main, second, (pictures,)))
        inner = {name.removeprefix("model."): value for name, value in second.items()}
        run = main.with_gradients(pictures, lambda given: functional_call(main.model, inner, (given,)))
        return self._first_tensor(run)

    def between(self, level: float) -> dict[str, Tensor]:
        """Return all parameters at a level."""
        return interpolate([self._first(), self._second()], (1 - level, level))

    def filters(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the filters of both levels, along the first axis."""
        second, found = self._second(), {}
        for name, layer in filter_layers(self.main).items():
            weight = f"{name}.weight" if name else "weight"
            axis, first = filter_axis(layer), self._first()[weight]
            if first.ndim == FILTER_AXES:
                found[name] = (first.transpose(0, axis), second[weight].detach().transpose(0, axis))
        return found

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Nothing: the interpolated network is one network."""
        return 0

    def _first(self) -> dict[str, Tensor]:
        return dict(self.main.named_parameters())

    def _second(self) -> dict[str, Tensor]:
        return {name: self.second[member(name)] for name in self._first()}

    def _run(self, pictures: Tensor, level: float) -> Tensor:
        if level == 0:
            return self._first_tensor(self.main(pictures))
        parameters = self._second() if level == 1 else self.between(level)
        return self._first_tensor(functional_call(self.main, parameters, (pictures,)))
