"""The operations of a pickle, as one table: name -> function on the machine. What is not in it is refused.

Decoding is `pickletools`' own, which only reads; every operation moves plain values on a stack. Bytes stay in the file:
they are the numbers of tensors, and there may be a gigabyte of them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import IO, Any, cast

from stylegan2.checkpoints.pickle_machine import Inert, Machine, call, check_key
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError, UnsafePickle

OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
BYTES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}  # -> bytes that hold the length


def run(machine: Machine, stream: Window) -> object:
    """Read one pickle, up to STOP, and return its value.

    Raises UnsafePickle for whatever is not allowed. Malformed pickles raise ValueError, IndexError, … (`containers`).
    """
    for _ in range(machine.limit):
        name, argument = _next_operation(stream)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise UnsafePickle(f"pickle operation {name} is refused; no model file needs it")
        operation(machine, argument)
        if name == "STOP":
            return machine.stack.pop()
    raise CheckpointError(f"more than {machine.limit} pickle operations; no model file needs so many")


def _next_operation(stream: Window) -> tuple[str, Any]:
    """Return name and argument; that of bytes is where they lie."""
    code = stream.read(1)
    if code not in OPCODES:
        raise ValueError(f"found {code!r}, expected a pickle operation")
    opcode = OPCODES[code]
    if opcode.name in BYTES:
        return opcode.name, stream.take(int.from_bytes(stream.read(BYTES[opcode.name]), "little"))
    return opcode.name, opcode.arg.reader(cast("IO[bytes]", stream)) if opcode.arg else None


def pairs_to_dict(flat: list[Any]) -> dict[Any, Any]:
    """[k, v, k, v, …] -> dict."""
    if len(flat) % 2:
        raise CheckpointError("found a dictionary key without a value")
    keys, values = flat[::2], flat[1::2]
    for key in keys:
        check_key(key)
    return dict(zip(keys, values, strict=True))


def _push(machine: Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _nothing(machine: Machine, argument: Any) -> None:
    """Protocol numbers and frames: they carry no value."""


def _constant(make: Callable[[], object]) -> Callable[[Machine, Any], None]:
    return lambda machine, _: machine.stack.append(make())


def _tuple(count: int) -> Callable[[Machine, Any], None]:
    def operation(machine: Machine, argument: Any) -> None:
        values = [machine.stack.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return operation


def _from_mark(make: Callable[[list[Any]], object]) -> Callable[[Machine, Any], None]:
    def operation(machine: Machine, argument: Any) -> None:
        machine.stack.append(make(machine.pop_to_mark()))

    return operation


def _items(values: list[Any]) -> frozenset[Any]:
    for value in values:
        check_key(value)
    return frozenset(values)


def _extend(machine: Machine, values: list[Any], kind: type, grow: Callable[[Any, list[Any]], object]) -> None:
    target = machine.stack[-1]
    if type(target) is not kind:  # exact: nothing of the file's may stand in for a container
        raise CheckpointError(f"found items for a {type(target).__name__}, expected a {kind.__name__}")
    grow(target, values)


def _append(machine: Machine, argument: Any) -> None:
    _extend(machine, [machine.stack.pop()], list, list.extend)


def _appends(machine: Machine, argument: Any) -> None:
    _extend(machine, machine.pop_to_mark(), list, list.extend)


def _set_item(machine: Machine, argument: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _extend(machine, [key, value], dict, lambda target, flat: target.update(pairs_to_dict(flat)))


def _set_items(machine: Machine, argument: Any) -> None:
    flat = machine.pop_to_mark()
    _extend(machine, flat, dict, lambda target, flat: target.update(pairs_to_dict(flat)))


def _add_items(machine: Machine, argument: Any) -> None:
    _extend(machine, machine.pop_to_mark(), set, lambda target, values: target.update(_items(values)))


def _mark(machine: Machine, argument: Any) -> None:
    machine.marks.append(len(machine.stack))


def _pop_mark(machine: Machine, argument: Any) -> None:
    machine.pop_to_mark()


def _pop(machine: Machine, argument: Any) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):  # POP after MARK takes the mark
        machine.marks.pop()
    else:
        machine.stack.pop()


def _put(machine: Machine, argument: Any) -> None:
    machine.memo[int(argument)] = machine.stack[-1]


def _memoize(machine: Machine, argument: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _get(machine: Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _global(machine: Machine, argument: Any) -> None:
    module, _, name = str(argument).partition(" ")
    machine.stack.append(machine.find(module, name))


def _stack_global(machine: Machine, argument: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.find(module, name))


def _reduce(machine: Machine, argument: Any) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(call(function, arguments))


def _new_object_with_keywords(machine: Machine, argument: Any) -> None:
    keywords, arguments, function = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    if keywords:
        raise UnsafePickle("builds an object with keyword arguments; no model file needs that")
    machine.stack.append(call(function, arguments))


def _instance(machine: Machine, argument: Any) -> None:
    module, _, name = str(argument).partition(" ")
    function = machine.find(module, name)
    machine.stack.append(call(function, tuple(machine.pop_to_mark())))


def _object(machine: Machine, argument: Any) -> None:
    function, *arguments = machine.pop_to_mark()
    machine.stack.append(call(function, tuple(arguments)))


def _build(machine: Machine, argument: Any) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if type(target) is dict:
        return  # attributes of an OrderedDict (torch's _metadata): nothing reads them
    if not isinstance(target, Inert):
        raise CheckpointError(f"found a state for a {type(target).__name__}, expected an object")
    target.absorb(state)


def _extension(machine: Machine, argument: Any) -> None:
    raise UnsafePickle(f"asks for copyreg extension {argument}, which no model file needs; nothing of it was run")


def _persistent_id(machine: Machine, identity: object) -> None:
    if machine.persistent is None:
        raise CheckpointError(
            "found a reference to a storage outside the pickle, expected a file that holds everything"
        )
    machine.stack.append(machine.persistent(identity))


_VALUES = (
    "INT LONG LONG1 LONG4 BININT BININT1 BININT2 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
).split()

OPERATIONS: dict[str, Callable[[Machine, Any], None]] = {
    **dict.fromkeys(_VALUES, _push),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),  # both take (function, arguments)
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "EMPTY_TUPLE": _tuple(0),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "EMPTY_LIST": _constant(list),
    "EMPTY_DICT": _constant(dict),
    "EMPTY_SET": _constant(set),
    "TUPLE": _from_mark(tuple),
    "LIST": _from_mark(list),
    "DICT": _from_mark(pairs_to_dict),
    "FROZENSET": _from_mark(_items),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "ADDITEMS": _add_items,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "MEMOIZE": _memoize,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "NEWOBJ_EX": _new_object_with_keywords,
    "INST": _instance,
    "OBJ": _object,
    "BUILD": _build,
    "PERSID": _persistent_id,
    "BINPERSID": lambda machine, _: _persistent_id(machine, machine.stack.pop()),
}
