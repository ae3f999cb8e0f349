"""`Networks`: the networks of one process, which all sessions share: shipped ones, brought ones, and open pairs.

All that is kept is bounded: a second user does not double it. The work is done on the engine's thread.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable

import streamlit as st

from app.engine import Engine, Pictures, engine
from app.networks.pair import NetworkPair, Shown
from app.scene import UPLOAD
from app.uploads import TOKEN_BYTES
from blendgan.dni.network_files import KIND, NetworkFile, open_bytes, open_network
from stylegan2 import store
from stylegan2.errors import UnknownWeights

MOST_PAIRS = 3  # open at once: both networks, and the one that is between them
MOST_BROUGHT = 8  # of all sessions together: two users' pairs, and as many again
BROUGHT_FILES = 2  # of the largest size that is let in; of smaller ones as many as take no more together
PICTURE_BYTES = 48 << 20  # what was drawn, as PNG files of 0.4 MB each: a slow way from 0 to 1 and back


class Networks:
    """Names → networks; what is open is parsed once, and of all that is kept the least recently used goes first."""

    def __init__(self, models: Engine) -> None:
        self.models = models
        self.shipped = tuple(name for name, entry in store.manifest().items() if entry.kind == KIND)
        self._brought: OrderedDict[str, tuple[NetworkFile, int]] = OrderedDict()
        self._pairs: OrderedDict[tuple[str, str], NetworkPair] = OrderedDict()
        self.limit_bytes = BROUGHT_FILES * models.options.max_upload_mb << 20
        self._pictures: Pictures[Shown] = Pictures(PICTURE_BYTES)

    def add(self, shown: str, data: bytes) -> str:
        """Read a file that a session brings, and return the name that it has here, which nobody can guess.

        Nothing in it is run. Raises what `open_bytes` does.
        """
        file = self.models.run(lambda: open_bytes(data, shown))
        name = f"{UPLOAD}{secrets.token_hex(TOKEN_BYTES)}/{shown}"
        self._brought[name] = file, len(data)
        while len(self._brought) > MOST_BROUGHT or self._bytes > self.limit_bytes:
            self.remove(next(iter(self._brought)))
        return name

    def knows(self, name: str | None) -> bool:
        """Whether a name is a shipped network's, or that of one which a session has brought and which is still kept."""
        return name is not None and (name in self.shipped or name in self._brought)

    def remove(self, name: str) -> None:
        """Forget a network that a session has brought, and the pairs with it."""
        self._brought.pop(name, None)
        for key in [key for key in list(self._pairs) if name in key]:
            self._pairs.pop(key, None)

    def pair(self, a: str, b: str) -> NetworkPair:
        """Return two networks, opened and compared if they are not. Raises what opening and comparing raise."""
        return self.models.run(lambda: self._pair((a, b)))

    def drawn(self, key: Hashable, draw: Callable[[], Shown]) -> Shown:
        """Return what was drawn for this key, or draw it."""
        return self.models.run(lambda: self._drawn(key, draw))

    @property
    def _bytes(self) -> int:
        return sum(size for _, size in list(self._brought.values()))

    def _drawn(self, key: Hashable, draw: Callable[[], Shown]) -> Shown:
        known = self._pictures.get(key)
        if known is None:
            self._pictures.put(key, known := draw())
        return known

    def _pair(self, key: tuple[str, str]) -> NetworkPair:
        if key not in self._pairs:
            a, b = map(self._file, key)
            self._pairs[key] = NetworkPair(a, b, self.models.device)
        self._pairs.move_to_end(key)
        while len(self._pairs) > MOST_PAIRS:
            self._pairs.popitem(last=False)
        return self._pairs[key]

    def _file(self, name: str) -> NetworkFile:
        if name in self._brought:
            self._brought.move_to_end(name)
            return self._brought[name][0]
        if name not in self.shipped:  # an address must not open any file there is
            raise UnknownWeights(f"{name}: is not offered here; bring its file under Bring network files")
        return open_network(name)


@st.cache_resource(show_spinner=False)
def networks() -> Networks:
    """Return the process's networks."""
    return Networks(engine())
