"""Synthesis that starts where something changed: activations below are kept, and only the rest is computed again.

What a block makes depends on the blocks up to it and on their styles, and on nothing else. So the state after each
block is kept under a key made of exactly these, and a later picture goes on from the highest block whose key is there:
another α at 512 px, or a style mixed in at the last layers, costs only what lies above. The numbers are those of a full
pass, to the bit.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from stylegan2.checkpoints.lazy import tensor_bytes
from stylegan2.generator import Noise, State, Step, SynthesisBlock, SynthesisNetwork, WrappedSynthesis

DEFAULT_LIMIT_BYTES = 512 << 20  # some four faces of a 1024 px model, or all of a page at 64 px


class ActivationCache:
    """States by key, of at most `limit_bytes` together.

    When it is full the largest state goes, the oldest of equals: the coarse ones save the most work for their size.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.limit_bytes, self.bytes = limit_bytes, 0
        self._states: OrderedDict[Hashable, State] = OrderedDict()  # the oldest first

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: Hashable) -> State | None:
        """Return the state, which counts as new again."""
        if key not in self._states:
            return None
        self._states.move_to_end(key)
        return self._states[key]

    def put(self, key: Hashable, state: State) -> None:
        """Keep a state; nobody may change its tensors afterwards."""
        self._drop(key)
        self._states[key] = state
        self.bytes += _bytes(state)
        while self.bytes > self.limit_bytes:
            self._drop(max(self._states, key=lambda k: _bytes(self._states[k])))  # max: the first, so the oldest

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()
        self.bytes = 0

    def _drop(self, key: Hashable) -> None:
        if key in self._states:
            self.bytes -= _bytes(self._states.pop(key))


class IncrementalSynthesis(WrappedSynthesis):
    """A synthesis network that keeps what it has computed; it stands wherever the network does.

    `identities` says which weights each block has: anything hashable that differs where they do. Who changes weights
    changes it too; unless given, it is a digest of the weights themselves.
    """

    def __init__(
        self,
        network: SynthesisNetwork,
        cache: ActivationCache | None = None,
        identities: Mapping[int, Hashable] | None = None,
    ) -> None:
        super().__init__(network)
        self.cache = ActivationCache() if cache is None else cache
        self.identities = identities or {r: digest_of(block) for r, block in _blocks(network)}

    def pictures(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Iterator[Tensor]:
        """Render progressively, from the last state that is known. Noise that is drawn or given is never kept."""
        if noise_mode == "random" or noise:
            yield from self.network.pictures(ws, noise_mode, generator, noise)
            return
        steps = list(self.steps(ws, self.noise_maps(ws.shape[0], noise_mode)))
        keys = self._keys(steps, f"{noise_mode} {tuple(ws.shape)} {ws.dtype} {ws.device}")
        done, state = self._last_known(keys)
        if state[1] is not None:
            yield state[1].to(torch.float32)
        for i in range(done, len(steps)):
            block, styles, block_noise = steps[i]
            state = block(*state, styles, block_noise)
            self.cache.put(keys[i], state if i < len(steps) - 1 else (None, state[1]))  # nothing goes on from the last
            if state[1] is not None:
                yield state[1].to(torch.float32)

    def _last_known(self, keys: Sequence[Hashable]) -> tuple[int, State]:
        """How many blocks need not run, and the state after them."""
        for done in range(len(keys), 0, -1):
            state = self.cache.get(keys[done - 1])
            if state is not None:
                return done, state
        return 0, (None, None)

    def _keys(self, steps: Sequence[Step], of_all: str) -> list[Hashable]:
        """One key for each block: all that its output depends on."""
        digest = hashlib.sha256(of_all.encode())
        keys: list[Hashable] = []
        for resolution, (block, styles, _) in zip(self.resolutions, steps, strict=True):
            digest.update(f"{block.compute} ".encode())
            for style in styles:
                digest.update(tensor_bytes(style))
            before = keys[-1] if keys else None
            keys.append((before, digest.hexdigest(), self.identities[resolution]))
        return keys


def digest_of(block: SynthesisBlock) -> str:
    """Return the SHA-256 of a block's tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(block.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def _blocks(network: SynthesisNetwork) -> Iterator[tuple[int, SynthesisBlock]]:
    for resolution in network.resolutions:
        yield resolution, cast(SynthesisBlock, network.get_submodule(f"b{resolution}"))


def _bytes(state: State) -> int:
    return sum(t.numel() * t.element_size() for t in state if t is not None)
