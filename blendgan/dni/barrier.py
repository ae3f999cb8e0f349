"""The barrier between two networks: does the loss rise between them? (linear mode connectivity, Frankle et al. 2020)

    rise(alpha) = loss(alpha) - ((1 - alpha) loss(0) + alpha loss(1))

The loss is the mean squared error of the restored pictures, so that a rise is told in dB as well,
10 log10(loss / line). Unlike the correlation of filters, it does tell which networks can be mixed.

The borders of the verdict, with the pairs that they were drawn by (their figures are in docs/dni.md):
networks that were fine-tuned from one parent stay on or below the line, and a rise of a tenth of a dB is no one's
business: NEGLIGIBLE_DB. Networks of one beginning that were then trained apart rise by dB in the middle. Between lies
what is seen in pictures only by comparing them, up to SMALL_DB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stylegan2.errors import InputError

Verdict = Literal["interpolates", "small barrier", "barrier", "no common ground", "nothing between"]

NEGLIGIBLE_DB = 0.1
SMALL_DB = 0.5
NOTHING = 0.9  # of the error of what was given: half a dB is what any smoothing brings
SMALLEST_LOSS = 1e-10  # a loss of 0 has no dB; 100 dB is what PSNR ends at here

SENTENCES: dict[Verdict, str] = {
    "interpolates": "no barrier: the networks interpolate",
    "small barrier": "a small barrier: networks between are usable, but look at them",
    "barrier": "a barrier: the networks between are worse than the line between the ends; they do not interpolate",
    "no common ground": "a barrier as high as the input: the worst network between restores nothing, so the two have "
    "nothing in common that could be mixed",
    "nothing between": "no α between the ends was measured",
}


@dataclass(frozen=True)
class Barrier:
    """What lies between the ends. `height` and `gain` are mean squared errors of values in [0, 1].

    `height_db`: 10 log10(loss / line) at `worst`, the α where it is largest; negative where the loss is below the line
    everywhere. `height`: the rise there. `gain`, `gain_db` at `best`: how far the loss lies below the line at most;
    negative where it is above it everywhere. `over_ends_db`: by how much the network of lowest loss between the
    ends is better than both; negative where an end is best.
    """

    height: float
    height_db: float
    worst: float
    gain: float
    gain_db: float
    best: float
    over_ends_db: float
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """The verdict and its figures, in words."""
        if self.verdict == "nothing between":
            return SENTENCES[self.verdict]
        return (
            f"{SENTENCES[self.verdict]} (at worst {_signed(self.height_db)} dB against the line between the ends' "
            f"losses, at α = {self.worst:g}; at best {_signed(-self.gain_db)} dB, at α = {self.best:g}; the best "
            f"network between is {abs(self.over_ends_db):.2f} dB {_than(self.over_ends_db)} the better end)"
        )


@dataclass(frozen=True)
class Loss:
    """The loss at an α, and on the very same pictures those of both ends and of the pictures as they were given.

    Not every α need have seen the same pictures.
    """

    alpha: float
    loss: float
    loss_a: float
    loss_b: float
    loss_given: float = math.inf

    @property
    def line(self) -> float:
        """What the straight line between the ends has here."""
        return (1 - self.alpha) * self.loss_a + self.alpha * self.loss_b

    @property
    def rise(self) -> float:
        """How far the loss lies above the line."""
        return self.loss - self.line

    @property
    def rise_db(self) -> float:
        """The same in dB."""
        return _ratio_db(self.loss, self.line)

    @property
    def over_ends_db(self) -> float:
        """By how much the loss is better than both ends'; negative where one of them is better."""
        return _ratio_db(min(self.loss_a, self.loss_b), self.loss)


def barrier(alphas: Sequence[float], losses: Sequence[float], input_loss: float | None = None) -> Barrier:
    """Return the barrier of losses at α's, which include 0 and 1; `input_loss`: of the pictures as they were given.

    Raises InputError where the ends are missing or a loss is no number of at least 0.
    """
    found = dict(zip(alphas, losses, strict=True))
    if 0 not in found or 1 not in found:
        raise InputError(
            f"barrier: found α from {min(found, default=0):g} to {max(found, default=0):g}, expected 0 to 1"
        )
    given = math.inf if input_loss is None else input_loss
    return barrier_of([Loss(alpha, loss, found[0], found[1], given) for alpha, loss in found.items()])


def barrier_of(losses: Sequence[Loss]) -> Barrier:
    """Return the barrier where an α's loss may be of fewer pictures than another's; see `barrier`."""
    for one in losses:
        if not all(math.isfinite(value) and value >= 0 for value in (one.loss, one.loss_a, one.loss_b)):
            raise InputError(
                f"barrier: found a loss of {one.loss} at α = {one.alpha:g}, expected a number of at least 0"
            )
    between = sorted((one for one in losses if 0 < one.alpha < 1), key=lambda one: one.alpha)
    if not between:
        return Barrier(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "nothing between")
    worst = max(between, key=lambda one: one.rise_db)
    best = min(between, key=lambda one: one.rise_db)
    over_ends = max(one.over_ends_db for one in between)
    is_nothing = worst.rise_db > SMALL_DB and worst.loss >= NOTHING * worst.loss_given
    verdict: Verdict = "no common ground" if is_nothing else _verdict(worst.rise_db)
    return Barrier(worst.rise, worst.rise_db, worst.alpha, -best.rise, -best.rise_db, best.alpha, over_ends, verdict)


def _verdict(height_db: float) -> Verdict:
    if height_db <= NEGLIGIBLE_DB:
        return "interpolates"
    return "small barrier" if height_db <= SMALL_DB else "barrier"


def _ratio_db(loss: float, other: float) -> float:
    return 10 * math.log10(max(loss, SMALLEST_LOSS) / max(other, SMALLEST_LOSS))


def _signed(value: float) -> str:
    return f"{value + 0.0:+.2f}"


def _than(over_ends_db: float) -> str:
    return "better than" if over_ends_db >= 0 else "worse than"
