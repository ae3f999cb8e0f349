"""A file -> the inert object inside it: plain pickles, and torch's two containers (zip, and the older stream).

Everything that a damaged or hostile file can raise is translated here, at the border.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from stylegan2.checkpoints.allowlist import COMMON, Allowed, dtype_name
from stylegan2.checkpoints.foreign_tensors import STORAGE_TYPES, Storage, sizes
from stylegan2.checkpoints.pickle_machine import MAX_OPERATIONS, Global, Machine
from stylegan2.checkpoints.pickle_operations import run
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError, Truncated, UnknownFormat

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first value of torch's stream format, and of every nested storage
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the same, as the bytes that torch writes
ZIP_START = b"PK\x03\x04"
LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member: lengths of its name and of its extra field
SIZE = struct.Struct("<q")  # torch's stream format writes the number of elements before each storage
NESTED_OPERATIONS = 1000  # a nested storage needs about thirty

# What pickletools, struct, zipfile and wrong values raise on malformed files.
MALFORMED = (
    ValueError,  # UnicodeDecodeError too
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
)
T = TypeVar("T")


def read_pickle(data: Window, allowed: Allowed = COMMON) -> object:
    """Return the object of a plain pickle file. Raises UnsafePickle, Truncated, CheckpointError."""
    return guarded(lambda: run(Machine(_with_nested_storages(allowed)), data), data)


def read_torch_stream(data: Window, allowed: Allowed = COMMON) -> object:
    """Return the object of a torch file of the older format, its storages bound."""
    return guarded(lambda: _read_stream(data, _with_nested_storages(allowed)), data)


def read_torch_zip(data: Window, file: BinaryIO, allowed: Allowed = COMMON) -> object:
    """Return the object of a torch zip file, `data` being all of `file`. Raises UnknownFormat for a zip of others."""
    return guarded(lambda: _read_zip(data, _members(file), _with_nested_storages(allowed)))


def guarded(action: Callable[[], T], stream: Window | None = None) -> T:
    """Run `action`, turning what malformed files raise into Truncated (at the end of `stream`) or CheckpointError."""
    try:
        return action()
    except MALFORMED as error:
        if stream is not None and isinstance(error, (ValueError, struct.error)) and not stream.read(1):
            raise Truncated("the file ends before its contents do; download or copy it again") from error
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise CheckpointError(f"a damaged pickle ({reason}), expected a model file; get the file again") from error


def _with_nested_storages(allowed: Allowed) -> Allowed:
    """The allow-list of the outermost pickle. A nested storage may not nest another."""
    place = ("torch.storage", "_load_from_bytes")
    return {**allowed, place: Global(".".join(place), _load_nested_storage)}


def _load_nested_storage(data: object) -> Storage:
    """The restricted twin of torch.storage._load_from_bytes, which is itself a pickle loader."""
    if not isinstance(data, Window):
        raise CheckpointError(f"storage: found {type(data).__name__}, expected bytes")
    storage = _read_stream(data.part(0, len(data)), COMMON, NESTED_OPERATIONS)
    if not isinstance(storage, Storage):  # anything else could pile up: one nested pickle may be loaded many times
        raise CheckpointError(f"storage: found {type(storage).__name__}, expected numbers")
    return storage


def _read_stream(stream: Window, allowed: Allowed, limit: int = MAX_OPERATIONS) -> object:
    """Magic number, protocol, system, object, storage keys; then each storage: its size, and its bytes."""
    storages: dict[str, Storage] = {}
    if run(Machine(allowed, limit=limit), stream) != LEGACY_MAGIC:
        raise CheckpointError("storage: found another start, expected torch's magic number")
    for _ in ("protocol", "system"):  # the same on every machine that matters
        run(Machine(allowed, limit=limit), stream)
    root = run(Machine(allowed, lambda identity: _declare(identity, storages), limit), stream)
    keys = run(Machine(allowed, limit=limit), stream)
    for key in keys if isinstance(keys, list) else ():
        _bind_next(storages[key], stream)
    return root


def _bind_next(storage: Storage, stream: Window) -> None:
    (count,) = SIZE.unpack(stream.read(SIZE.size))
    if count != storage.count:
        raise CheckpointError(f"storage: found {count} numbers, expected {storage.count}")
    storage.bind(stream.take(storage.nbytes))


def _declare(identity: object, storages: dict[str, Storage]) -> Storage:
    """Answer ("storage", class, key, place, count, view): one Storage per key."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise CheckpointError("storage: found a reference of another form, expected torch's")
    _, kind, key, _, count = identity[:5]
    if not isinstance(key, str) or (len(identity) == 6 and identity[5] is not None):
        raise CheckpointError("storage: found a view of another storage, expected a storage of its own")
    (count,) = sizes((count,))
    storage = storages.setdefault(key, Storage(key, STORAGE_TYPES[dtype_name(kind)], count))
    if storage.count != count:
        raise CheckpointError(f"storage {key}: found two sizes, {storage.count} and {count}")
    return storage


def _members(file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            return {member.filename: member for member in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise Truncated("a zip file without its end, expected a torch file; download it again") from error


def _read_zip(data: Window, members: dict[str, zipfile.ZipInfo], allowed: Allowed) -> object:
    """`NAME/data.pkl` is the object, `NAME/data/KEY` the storages."""
    roots = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise UnknownFormat("a zip file that torch did not write (no data.pkl); expected a model file, unpacked")
    folder = roots[0].partition("/")[0]
    order = members.get(f"{folder}/byteorder")
    if order is not None and _member(data, order).read() != b"little":
        raise UnknownFormat("a torch file of a big-endian machine; expected little-endian numbers")
    storages: dict[str, Storage] = {}

    def persistent(identity: object) -> Storage:
        storage = _declare(identity, storages)
        if storage.data is None:
            storage.bind(_member(data, members[f"{folder}/data/{storage.key}"]))
        return storage

    stream = _member(data, members[roots[0]])
    return guarded(lambda: run(Machine(allowed, persistent), stream), stream)


def _member(data: Window, member: zipfile.ZipInfo) -> Window:
    """Return a member's bytes, unread. torch stores them uncompressed; a compressed one could unfold into any size."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise CheckpointError(f"{member.filename}: found a compressed member, expected torch's uncompressed ones")
    after = member.header_offset + LOCAL_HEADER.size
    start = after + sum(LOCAL_HEADER.unpack(data.part(member.header_offset, after).read()))
    return data.part(start, start + member.file_size)
