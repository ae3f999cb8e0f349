"""Jobs by the actors of Ray Data, on this machine or on many; every job ends with an outcome, whatever dies.

Ray restarts a worker that was killed and tries its job again; a job that kills it each time would end the whole
execution, or silently fall out of it. So lost blocks are allowed, a worker has one job at a time, lest others are lost
with it, and in the end the driver counts: jobs without an outcome are run once more, and those that have none then
are named as failures.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import os
import pickle
import shutil
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylegan2.errors import BlendganError, InputError

if TYPE_CHECKING:
    from blendgan.redrawing import Job

Work = Callable[[Any], str]
STORE_BYTES = 80 << 20  # only names and reasons pass through it; Ray takes no less than 75 MB
SHORT_TMP = Path("/tmp")  # Ray's sockets lie in its folder, and their paths may have 107 bytes
ROUNDS = 2  # of the whole execution; in each, Ray tries a job whose worker died twice
LOST = f"its worker ended each time, in {ROUNDS} rounds of 2 tries; see whether memory runs out"
CONNECT_S = 10.0  # Ray itself would try for minutes
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}  # the first would go to the network


def require_answer(address: str) -> None:
    """Raise InputError for an address that is neither HOST:PORT nor auto, or at which nobody answers."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"ray: found the address {address!r}, expected HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:  # of the network, of a port, of a host's name
        raise InputError(
            f"ray: nobody answers at {address} ({error}); start it there by `ray start --head`, or leave out --address"
        ) from error


@dataclass(frozen=True)
class RayEngine:
    """`make` opens what does the work, once for each worker, with `threads` threads; all of it must pickle.

    `workers`: None takes all CPUs of the Ray. `address`: None starts one on this machine, and ends it.
    """

    make: Callable[[], Work]
    threads: int = 1
    workers: int | None = None
    address: str | None = None

    def __call__(self, jobs: Iterable[Job], count: int) -> Generator[tuple[Job, str], None, None]:
        """Yield each of the jobs with the reason of its failure, empty if none. Raises InputError without Ray."""
        if importlib.util.find_spec("ray") is None or importlib.util.find_spec("pyarrow") is None:
            raise InputError("--engine ray needs Ray, which is not installed; pip install 'blendgan[bulk]'")
        waiting = dict(enumerate(jobs))
        with _silence(), self._running() as ray:
            for _ in range(ROUNDS):
                for index, reason in self._round(ray, waiting):
                    yield waiting.pop(index), reason
                if not waiting:
                    return
        for job in waiting.values():
            yield job, LOST

    @contextmanager
    def _running(self) -> Iterator[Any]:
        """Ray, started or joined; at the end it is left, and what was started is gone."""
        if self.address is not None:
            require_answer(self.address)
        ray: Any = importlib.import_module("ray")
        importlib.import_module("ray.data")
        for name in ("ray", "ray.data", "ray.serve", "ray.tune"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        folder = tempfile.mkdtemp(prefix="blendgan-ray-", dir=SHORT_TMP if SHORT_TMP.is_dir() else None)
        here = {"num_cpus": self._cpus(), "object_store_memory": STORE_BYTES, "_temp_dir": folder}
        try:
            ray.init(
                address=self.address or "local", include_dashboard=False, log_to_driver=False,
                logging_level=logging.CRITICAL, **({} if self.address else here),
            )  # fmt: skip
            yield ray
        except (ConnectionError, ValueError, RuntimeError) as error:
            if ray.is_initialized():
                raise
            raise InputError(f"ray: could not be reached at {self.address or 'this machine'} ({error})") from error
        finally:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)

    def _cpus(self) -> int | None:
        return None if self.workers is None else self.workers * self.threads

    def _round(self, ray: Any, waiting: dict[int, Job]) -> Iterator[tuple[int, str]]:
        """One execution over the jobs by number; those whose workers died too often do not come out of it."""
        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1  # any number
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        size = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // self.threads)
        rows = [{"index": index, "job": pickle.dumps(job)} for index, job in waiting.items()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # once more: importing Ray has set filters of its own
            outcomes = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                Redrawer,
                fn_constructor_args=(self.make, os.getcwd()),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=min(size, len(rows)), max_tasks_in_flight_per_actor=1),
                num_cpus=self.threads,
                ray_remote_args_fn=_retries,
            )
        try:
            for row in outcomes.iter_rows():
                yield int(row["index"]), str(row["reason"])
        except ray.exceptions.RayError:
            return  # what has no outcome yet is counted by whoever called


def _retries() -> dict[str, int]:
    """Of an actor: it comes back as often as it dies; a job is tried once more."""
    return {"max_restarts": -1, "max_task_retries": 1}


class Redrawer:
    """A worker: opens its models once; takes batches of one pickled job, returns its number and reason of failure."""

    def __init__(self, make: Callable[[], Work], folder: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # the command's own, from which its paths are told
        self._work: Work | None = None
        try:
            self._work = make()
        except (BlendganError, OSError) as error:  # as on a machine that lacks the model's file
            self._reason = " ".join(str(error).split()) or type(error).__name__

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Do the one job of a batch."""
        job = pickle.loads(batch["job"][0])  # noqa: S301  # the driver's own words, from this very run
        reason = self._reason if self._work is None else self._work(job)
        return {"index": [int(batch["index"][0])], "reason": [reason]}


# ---- the terminal is the user's -------------------------------------------------------------------------------


class _WithoutRay(io.TextIOBase):
    """A stream that lets pass what is written by threads other than Ray's own, which tell of each death at length."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or let it be."""
        return len(text) if threading.current_thread().name.startswith("ray_") else int(self._stream.write(text))

    def flush(self) -> None:
        """Pass on."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream below is a terminal; it is asked at the very end too, when that may be closed."""
        return not self._stream.closed and bool(self._stream.isatty())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream below."""
        return str(self._stream.encoding)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Ray's words off the terminal: those of its C++ side go to stderr's own number, of its threads to stdout."""
    os.environ.update(QUIET)
    sys.stderr.flush()
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what later versions will change
        if sys.platform != "win32":
            ours = stack.enter_context(os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding, buffering=1))
            nowhere = stack.enter_context(open(os.devnull, "w"))
            before = os.dup(2)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, 2)
            os.dup2(nowhere.fileno(), 2)
            if sys.stderr is sys.__stderr__:  # else it is caught already, as in tests
                stack.enter_context(redirect_stderr(ours))
        stack.enter_context(redirect_stdout(_WithoutRay(sys.stdout)))
        yield
