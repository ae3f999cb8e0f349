"""The processes of a run: one, unless torchrun started several (torch.distributed).

Everything is reduced plainly: the gradient penalties differentiate gradients, which DistributedDataParallel does not
support. Without a process group every function here is that of a single process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from stylegan2.errors import InputError

PATIENCE = timedelta(hours=2)  # others wait while the first process writes and measures
GLOO = "gloo/transport"  # the place that its errors, plain RuntimeErrors, name where a connection breaks


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if it did, and leave them at the end; gives this process's device.

    The rendezvous is torchrun's own (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT). Raises InputError if a machine has
    fewer CUDA devices than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield device
        return
    device = _own_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _own_device(device: torch.device) -> torch.device:
    if device.type != "cuda" or device.index is not None:
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise InputError(
            f"processes: found {local + 1} on a machine with {torch.cuda.device_count()} CUDA devices, expected one "
            "for each; choose a smaller --nproc-per-node"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def count() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return this process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this process writes, and shows how far the run is."""
    return rank() == 0


@contextmanager
def _loss_named() -> Iterator[None]:
    """Turn what is raised where another process is gone into one line: what befell that one, it said itself."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and GLOO not in str(error):
            raise
        raise InputError(
            f"processes: number {rank()} lost another one; expected all {count()} to go on together. What that one "
            "said tells why"
        ) from error


def sum_in_place(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their sums over all processes; all must hold as many, of the same shapes, on one device."""
    tensors = list(tensors)
    if count() == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])  # one message instead of hundreds
    with _loss_named():
        dist.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def copy_from_first(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by those of the first process, in case another machine's differ in the last bit."""
    if count() > 1:
        for tensor in tensors:
            with _loss_named():
                dist.broadcast(tensor.detach(), 0)


def is_any(flag: bool, device: torch.device) -> bool:  # noqa: FBT001 — the flag is the whole message
    """Whether the flag is set in any process: what one decides, such as to stop, all must do after the same batch."""
    found = torch.tensor([float(flag)], device=device)
    sum_in_place([found])
    return bool(found.item())


def wait(device: torch.device) -> None:
    """Return when every process has come here."""
    is_any(False, device)
