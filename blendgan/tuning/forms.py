"""`Form`: which method tunes a network, and its sizes; what a tuning's file says of itself, and what builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

import torch

from blendgan.restoration.restorer import Restorer
from blendgan.tuning.adafm import KERNELS, AdaFM
from blendgan.tuning.branches import CFSNet, DynamicNet
from blendgan.tuning.ftn import FTN, Variant
from blendgan.tuning.interpolation import DNI
from blendgan.tuning.tuning import Tuning
from stylegan2.errors import CheckpointError, InputError

OPTIONS: dict[str, tuple[str, ...]] = {  # method -> which of the sizes below are its own
    "ftn": ("groups", "variant"),
    "adafm": ("kernel",),
    "cfsnet": (),
    "dynamic": ("layers",),
    "dni": (),
}
MOST_GROUPS = 4096
MOST_LAYERS = 1000
EXAMPLE_PX = 32  # of the picture on which a network shows its layers


@dataclass(frozen=True)
class Form:
    """A method by its name in OPTIONS, and its sizes; those of other methods stay at their defaults.

    `groups`: G of FTN. `variant`: of FTN, Table 1. `kernel`: px of AdaFM's filters, a side. `layers`: how many tuning
    blocks Dynamic-Net has. Raises InputError for others than there are.
    """

    method: str
    groups: int = 1
    variant: Variant = "plain"
    kernel: int = 5
    layers: int = 3

    def __post_init__(self) -> None:
        if self.method not in OPTIONS:
            raise InputError(f"method: found {self.method!r}, expected one of {', '.join(OPTIONS)}")
        if self.variant not in get_args(Variant):
            raise InputError(f"variant: found {self.variant!r}, expected one of {', '.join(get_args(Variant))}")
        if self.kernel not in KERNELS:
            raise InputError(f"kernel: found {self.kernel}, expected one of {', '.join(map(str, KERNELS))} px")
        for name, most in (("groups", MOST_GROUPS), ("layers", MOST_LAYERS)):
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f"{name}: found {getattr(self, name)}, expected a number from 1 to {most}")
        if self.variant == "spatial" and self.groups != 1:
            raise InputError(
                f"groups: found {self.groups} with the variant spatial, whose filters are not mixed at all"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the method and its own sizes."""
        said = asdict(self)
        return {name: said[name] for name in ("method", *OPTIONS[self.method])}

    def __str__(self) -> str:
        """In words for tables: ftn, groups 16, variant plain."""
        said = self.to_json()
        return ", ".join([said.pop("method"), *(f"{name} {value}" for name, value in said.items())])


def read_form(said: Mapping[str, Any]) -> Form:
    """Return the form that a file says. Raises CheckpointError where it is none."""
    method = said.get("method")
    kinds = {"groups": int, "variant": str, "kernel": int, "layers": int}
    names = OPTIONS.get(method, ()) if isinstance(method, str) else ()
    sizes = {name: said.get(name) for name in names}
    for name, value in sizes.items():
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise CheckpointError(f"{name}: found {value!r}, expected {kinds[name].__name__}; train the tuning again")
    try:
        return Form(str(method), **sizes)  # type: ignore[arg-type]
    except InputError as error:
        raise CheckpointError(f"{error}; train the tuning again") from error


def build(restorer: Restorer, form: Form) -> Tuning:
    """Return the untrained tuning of a main network, on the device where that is; the network itself is not touched.

    Raises InputError where the method does not fit the network.
    """
    network, sizes = restorer.network, restorer.sizes
    example = torch.zeros(1, restorer.channels, *sizes.padded(EXAMPLE_PX, EXAMPLE_PX), device=restorer.device)
    if form.method == "ftn":
        tuning: Tuning = FTN(network, sizes, groups=form.groups, variant=form.variant)
    elif form.method == "adafm":
        tuning = AdaFM(network, sizes, example=example, kernel=form.kernel)
    elif form.method == "cfsnet":
        tuning = CFSNet(network, sizes, example=example)
    elif form.method == "dynamic":
        tuning = DynamicNet(network, sizes, example=example, layers=form.layers)
    else:
        tuning = DNI(network, sizes)
    return tuning.to(restorer.device)
