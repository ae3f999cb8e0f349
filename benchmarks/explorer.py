"""How soon the explorer shows what was moved, by the browser's own clock: python -m benchmarks.explorer

A real Chromium on a real server: from the event of a pointer to the frame after the new picture is decoded. The goals
are those of two threads with nothing else running.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from benchmarks import explorer_load
from benchmarks.browser import PATIENCE_MS, Visit, chromium, explorer, visit
from benchmarks.figures import Row

ROOT = Path(__file__).resolve().parent.parent
POINT = 2  # of the curve: 16 px, so that most layers are drawn again
MOVES = 50  # slower than a hand makes them: what is measured is an answer, not a queue of them
SLOW_MOVES, SLOW_PAUSE_MS = 15, 2500  # of a model that takes a second
WARM_UP = 3  # answers that are left out
PLACES = tuple(range(10, 250, 4))  # px from the point's place towards the middle: no share comes twice
LARGE = 256  # px, config-f
WRITE_LARGE = """
import sys, torch
from stylegan2.checkpoints import Checkpoint, expected_shapes
from stylegan2.config import GeneratorConfig, channels_by_rule
config = GeneratorConfig(int(sys.argv[3]), channels_by_rule(int(sys.argv[3]), 32768, 512))
random = torch.Generator().manual_seed(0)
tensors = {name: torch.randn(shape, generator=random) for name, shape in expected_shapes(config).items()}
Checkpoint(config, tensors).save(sys.argv[1])
near = {name: tensor + 0.1 * torch.randn(tensor.shape, generator=random) for name, tensor in tensors.items()}
Checkpoint(config, near).save(sys.argv[2])
"""


def rows() -> list[Row]:
    """Return the figures: faces of the shipped pair and of a large one, two networks, and many sessions at once."""
    return [*_latency_rows(), *explorer_load.rows()]


def _latency_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        large = [str(Path(folder) / name) for name in ("base.safetensors", "transfer.safetensors")]
        subprocess.run([sys.executable, "-c", WRITE_LARGE, *large, str(LARGE)], check=True, cwd=ROOT)
        found = []
        with explorer() as server:
            for figure, seeds, goal, pause_ms in (("1 face", "0", 100, 200), ("6 faces", "0-5", 300, 600)):
                with visit(browser, f"{server.url}/?seeds={seeds}") as one:
                    whole, _ = moved(one, MOVES, pause_ms)
                    found.append(_row(f"explorer, shipped pair, {figure}", whole, goal))
            with visit(browser, f"{server.url}/networks") as one:
                found.append(
                    _row("explorer, page Networks, shipped denoisers, a part of the portrait", mixed(one), 300)
                )
        with explorer(*large) as server, visit(browser, f"{server.url}/?seeds=0") as one:
            whole, coarse = moved(one, SLOW_MOVES, SLOW_PAUSE_MS)
            found.append(_row(f"explorer, {LARGE} px config-f, 1 face", whole, 1000))
            if coarse:  # a fast machine needs none
                found.append(_row(f"explorer, {LARGE} px config-f, 1 face, a coarser picture first", coarse, 1000))
    return found


def mixed(one: Visit, moves: int = 40, pause_ms: float = 700) -> list[float]:
    """Drag the share of the page Networks to and fro, and return the ms of each answer."""
    one.page.locator(".pair img").nth(1).wait_for(timeout=PATIENCE_MS)
    one.page.wait_for_timeout(3 * pause_ms)
    box = one.page.get_by_role("slider", name="Share of B").bounding_box() or {}
    left, y = box["x"] + box["width"] / 10, box["y"] + box["height"] / 2
    one.page.mouse.move(left, y)
    one.page.mouse.down()
    for move in range(moves + WARM_UP):
        one.page.mouse.move(left + box["width"] * (move * 7 % moves) / (1.25 * moves), y)
        one.page.wait_for_timeout(pause_ms)
    one.page.mouse.up()
    return [answer["taken"] for answer in one.shown()[WARM_UP:]]


def moved(one: Visit, moves: int, pause_ms: float) -> tuple[list[float], list[float]]:
    """Drag a point up and down, and return the ms of each answer: of whole pictures, and of coarser ones before."""
    one.wait_for_pictures()
    one.page.wait_for_timeout(1000)
    way = one.inwards(POINT)
    one.drag(POINT, [way * step for step in islice(cycle(PLACES), moves + WARM_UP)], pause_ms)
    one.page.wait_for_timeout(pause_ms)
    told = one.shown()[WARM_UP:]
    return [a["taken"] for a in told if a["complete"]], [a["taken"] for a in told if not a["complete"]]


def _row(figure: str, taken: Sequence[float], goal_ms: float) -> Row:
    median = statistics.median(taken)
    value = f"{median:.0f} ms, p95 {explorer_load.p95(taken):.0f} ms"
    return Row(figure, value, f"{goal_ms:g} ms", median / goal_ms, "≤ 1")


if __name__ == "__main__":
    print(*_latency_rows(), sep="\n")
