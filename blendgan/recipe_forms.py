"""The forms of a recipe, as they stand in a file: what keys there are, and what each may hold (pydantic)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from blendgan import channel_forms, schedule_forms
from blendgan.channels import Channels
from blendgan.recipe import Model, Policy, Recipe, Size, Transfer, parse_policy, policy_alpha
from blendgan.schedule import Schedule, Side, Uniform
from stylegan2.errors import RecipeError

Made = TypeVar("Made")


def _obeying(build: Callable[[], Made]) -> Made:
    """Let the dataclasses' own rules speak to pydantic."""
    try:
        return build()
    except RecipeError as error:
        raise ValueError(str(error)) from error


def _not_bool(value: object) -> object:
    """`yes` in YAML is no number."""
    if isinstance(value, bool):
        raise ValueError(f"found {value}, expected a number")
    return value


Number = Annotated[float, BeforeValidator(_not_bool)]
Whole = Annotated[int, BeforeValidator(_not_bool)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ScheduleForm(Form):
    kind: str

    def build(self) -> Schedule:
        """Return the schedule; raises RecipeError where a value is out of range."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}
        return schedule_forms.KINDS[self.kind](**given)

    @model_validator(mode="after")
    def _check(self) -> ScheduleForm:
        _obeying(self.build)
        return self


class _SwapForm(ScheduleForm):
    kind: Literal["swap"]
    resolution: Whole
    transfer_gives: Side = "low"


class _SigmoidForm(ScheduleForm):
    kind: Literal["sigmoid"]
    resolution: Whole
    width: Number
    transfer_gives: Side = "low"


class _LinearForm(ScheduleForm):
    kind: Literal["linear"]
    first: Whole
    last: Whole
    transfer_gives: Side = "low"


class _BandForm(ScheduleForm):
    kind: Literal["band"]
    resolution: Whole
    width: Number
    peak: Number = 1.0


class _UniformForm(ScheduleForm):
    kind: Literal["uniform"]
    value: Number


class _TableForm(ScheduleForm):
    kind: Literal["table"]
    alphas: dict[Whole, Number]


class _LayersForm(ScheduleForm):
    kind: Literal["layers"]
    alphas: tuple[Number, ...]


FORMS: dict[str, type[ScheduleForm]] = {
    "swap": _SwapForm,
    "sigmoid": _SigmoidForm,
    "linear": _LinearForm,
    "band": _BandForm,
    "uniform": _UniformForm,
    "table": _TableForm,
    "layers": _LayersForm,
}


def _written_schedule(value: object) -> object:
    """`sigmoid 16,1.5 high` is a schedule too: the option of the command line without its dashes."""
    if not isinstance(value, str):
        return value
    return schedule_forms.to_json(_obeying(lambda: schedule_forms.parse_words(value)))


AnySchedule = Annotated[
    Annotated[
        _SwapForm | _SigmoidForm | _LinearForm | _BandForm | _UniformForm | _TableForm | _LayersForm,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_written_schedule),
]


def _channels(value: object) -> object:
    if isinstance(value, str):
        return _obeying(lambda: channel_forms.parse(value))
    if value is None or isinstance(value, Channels):
        return value
    return _obeying(lambda: channel_forms.from_json(cast(Any, value)))


AnyChannels = Annotated[Channels, BeforeValidator(_channels)]


def _policy(value: object) -> object:
    try:
        if isinstance(value, str):  # YAML takes 5e-1 for a text
            return parse_policy("", value)
        policy_alpha("", value)  # type: ignore[arg-type]  # whatever the file holds
    except RecipeError as error:
        raise ValueError(str(error).removeprefix(": ")) from error
    return value


AnyPolicy = Annotated[Policy, BeforeValidator(_policy)]


def _named(value: object) -> object:
    """`base: portraits` is a model that is not pinned."""
    return {"model": value} if isinstance(value, str) else value


class ModelForm(Form):
    """A model by path or shipped name, pinned by its fingerprint if there is one."""

    model: str = Field(min_length=1)
    fingerprint: str = ""

    def build(self) -> Model:
        """Return the record."""
        return Model(self.model, self.fingerprint)


class TransferForm(Form):
    """One of `transfers`; what is missing comes from the top level."""

    model: str | None = Field(default=None, min_length=1)
    fingerprint: str = ""
    schedule: AnySchedule | None = None
    weight: Number = 1.0
    channels: AnyChannels | None = None

    @model_validator(mode="after")
    def _check(self) -> TransferForm:
        if self.fingerprint and self.model is None:
            raise ValueError("model: found a fingerprint without a model, expected the model's path or name too")
        _obeying(lambda: Transfer(Uniform(1.0), self.weight))
        return self


class RecipeForm(Form):
    """The whole file. `schedule` and `channels` at the top level serve every TRANSFER that has none of its own."""

    base: Annotated[ModelForm, BeforeValidator(_named)] | None = None
    transfers: tuple[Annotated[TransferForm, BeforeValidator(_named)], ...] = ()
    schedule: AnySchedule | None = None
    channels: AnyChannels | None = None
    mapping: AnyPolicy = "base"
    w_avg: AnyPolicy = "base"
    noise: AnyPolicy = "base"
    task_vectors: bool = False
    size: Size = "same"

    def build(self) -> Recipe:
        """Return the recipe. Raises RecipeError for a TRANSFER without schedule, and for weights that do not fit."""
        transfers = tuple(self._transfer(i, form) for i, form in enumerate(self.transfers or (TransferForm(),)))
        base = None if self.base is None else self.base.build()
        return Recipe(transfers, self.mapping, self.w_avg, self.noise, base, self.task_vectors, self.size)

    def _transfer(self, index: int, form: TransferForm) -> Transfer:
        schedule = form.schedule or self.schedule
        if schedule is None:
            where = f"transfers[{index}]" if self.transfers else "recipe"
            raise RecipeError(f"{where}: found no schedule, expected one such as {{kind: swap, resolution: 16}}")
        model = None if form.model is None else Model(form.model, form.fingerprint)
        return Transfer(schedule.build(), form.weight, form.channels or self.channels, model)
