"""A training from files to a file that goes on where it was ended: what all jobs of `blendgan tune` have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from blendgan.tuning.courses import Course, load_course, save_course
from stylegan2.errors import InputError

LAST = 100  # steps at the end, whose mean figure is told
STATE_ENDING, SAVE_EVERY = ".state", 250  # steps


class Done(Protocol):
    """A step that is done, `index` of `total`."""

    @property
    def index(self) -> int: ...

    @property
    def total(self) -> int: ...


class Planned(Protocol):
    """How long is trained, and what files say of it."""

    @property
    def steps(self) -> int: ...

    def to_json(self) -> dict[str, Any]: ...


Event = TypeVar("Event", bound=Done)
Plan = TypeVar("Plan", bound=Planned)


@dataclass(eq=False)
class Job(Generic[Plan, Event]):
    """A plan, a target, and the figures of the last steps."""

    plan: Plan
    target: Path
    replace: bool
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=LAST), init=False)

    @property
    def state_file(self) -> Path:
        """Where a training that was ended lies until it is gone on with."""
        return self.target.with_name(self.target.name + STATE_ENDING)

    @property
    def mean(self) -> float:
        """Mean figure of the last steps."""
        return sum(self.recent) / max(1, len(self.recent))

    def steps(self, stop_requested: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train to the end or until stopped, and yield each step when it is done.

        Goes on where the same training was ended; its state is kept every so many steps, and when stopped. Raises
        Diverged, and InputError where the state is another training's.
        """
        course = self._course()
        self._go_on(course)
        for step in self._train(course):
            self.recent.append(self._figure(step))
            stopped = step.index < step.total and stop_requested()
            if stopped or (step.index % SAVE_EVERY == 0 and step.index < step.total):
                save_course(course, self.state_file, self._said(), list(self.recent))
            yield step
            if stopped:
                return

    def write(self) -> None:
        """Write the result."""
        raise NotImplementedError

    def save(self) -> None:
        """Write the result; what is kept of the training goes."""
        self.write()
        self.state_file.unlink(missing_ok=True)

    def sentences(self) -> Iterator[str]:
        """What was written, in lines."""
        raise NotImplementedError

    def _go_on(self, course: Course) -> None:
        if not self.state_file.exists():
            return
        if self.state_file.is_dir():
            raise InputError(f"{self.state_file}: is a folder; remove it, or choose another name with -o")
        try:
            self.recent.extend(load_course(course, self.state_file, self._said()))
        except InputError:
            if not self.replace:
                raise

    def _course(self) -> Course:
        raise NotImplementedError

    def _train(self, course: Course) -> Iterator[Event]:
        raise NotImplementedError

    def _figure(self, step: Event) -> float:
        """The figure of a step that is told in the end."""
        raise NotImplementedError

    def _about(self) -> dict[str, Any]:
        """What is trained."""
        raise NotImplementedError

    def _said(self) -> dict[str, Any]:
        return {**self.plan.to_json(), **self._about()}
