"""The axes of `blendgan grid` as an option's type."""

from __future__ import annotations

from typing import Any

import click

from blendgan.axes import parse_axis
from stylegan2.errors import InputError


class Axis(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """`swap-res=4,8,16` → axes.Axis; a usage error names the part that is none."""

    name = "axis"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one axis."""
        try:
            return parse_axis(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)
