"""What a pickle may build here: plain values and inert objects, by functions of ours that stand in an allow-list.

Python's own unpickler is a small computer that strangers may program, and its C version takes memory on a file's
word. This machine never imports, never sets an attribute, and calls only what `allowlist.py` names; its operations
stand in `pickle_operations.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stylegan2.checkpoints.refusals import refusal
from stylegan2.errors import CheckpointError, UnsafePickle

SCALARS = (str, bytes, int, float, bool, type(None))


# A training file of three networks has some 3e4 operations; one byte can cost 200 (an empty set), so bound them.
MAX_OPERATIONS = 500_000
PYTHON2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # what protocols 0 to 2 call them


@dataclass(frozen=True)
class Global:
    """A name of the file, and our own function that stands for it."""

    name: str
    build: Callable[..., object]


class Inert:
    """Base of the objects of ours that may take a state from the file; no other object may."""

    def absorb(self, state: object) -> None:
        """Check the state and keep it as data."""
        raise NotImplementedError


@dataclass(eq=False)
class Record(Inert):
    """An object of the file that is kept as data: what it calls itself, and its state."""

    kind: str
    state: dict[str, object] = field(default_factory=dict)

    def absorb(self, state: object) -> None:
        """Take the state that the file gives to the object, once, and without a copy: copies of one state add up."""
        if not isinstance(state, dict) or self.state:
            raise CheckpointError(f"{self.kind}: found a state of {type(state).__name__}, expected one dictionary")
        self.state = state


class Machine:
    """The state of one pickle while it is read.

    `allowed` maps (module, name) to our functions; `persistent` answers persistent ids; `limit` bounds the operations.
    """

    def __init__(
        self,
        allowed: Mapping[tuple[str, str], Global],
        persistent: Callable[[object], object] | None = None,
        limit: int = MAX_OPERATIONS,
    ) -> None:
        self.allowed = allowed
        self.persistent = persistent
        self.limit = limit
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def find(self, module: object, name: object) -> Global:
        """Return what stands for a global. Raises UnsafePickle, with the name, outside the allow-list."""
        module = PYTHON2_MODULES.get(module, module) if isinstance(module, str) else module
        found = self.allowed.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if found is None:
            raise UnsafePickle(refusal(f"{_short(module)}.{_short(name)}"))
        return found

    def pop_to_mark(self) -> list[Any]:
        """Return the values above the last mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values


def _short(name: object) -> str:
    return name[:100] if isinstance(name, str) else f"<{type(name).__name__}>"


def call(function: object, arguments: object) -> object:
    """Apply one of our own functions. Raises UnsafePickle for anything else, also for values that the file built."""
    if not isinstance(function, Global):
        raise UnsafePickle(f"calls a value of type {type(function).__name__}; only names of the allow-list are called")
    if not isinstance(arguments, tuple):
        raise CheckpointError(f"{function.name}: found arguments of {type(arguments).__name__}, expected a tuple")
    return function.build(*arguments)


def check_key(key: object) -> None:
    """Refuse keys that are deep: hashing a tuple of a million levels overflows the C stack."""
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, SCALARS) for part in parts):
        raise CheckpointError(f"found a dictionary key of {type(key).__name__}, expected names or numbers")
