"""L-BFGS on problems whose answers are known, several at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from projector.lbfgs import Lbfgs


def valleys(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rosenbrock's valley, row by row [N, 2]: lowest, 0, at (1, 1); and its gradient."""
    leaf = x.detach().requires_grad_()
    losses = (1 - leaf[:, 0]) ** 2 + 100 * (leaf[:, 1] - leaf[:, 0] ** 2) ** 2
    (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach(), gradient


def descend(start: Tensor, evaluations: int) -> Lbfgs:
    search = Lbfgs(start, first_step=0.1)
    for _ in range(evaluations):
        search.move(*valleys(search.trial))
    return search


def test_it_finds_the_bottom_of_a_bent_valley() -> None:
    search = descend(torch.tensor([[-1.2, 1.0]], dtype=torch.float64), 60)
    torch.testing.assert_close(search.at, torch.ones(1, 2, dtype=torch.float64), atol=1e-6, rtol=0)


def test_losses_never_rise_and_belong_to_the_point() -> None:
    search, seen = Lbfgs(torch.tensor([[-1.2, 1.0], [2.0, -3.0]]), first_step=0.1), []
    for _ in range(30):
        search.move(*valleys(search.trial))
        seen.append(search.losses)
        torch.testing.assert_close(valleys(search.at)[0], search.losses)
    assert bool((torch.stack(seen).diff(dim=0) <= 0).all())
    assert bool((seen[-1] < 1e-2 * seen[0]).all())


def test_rows_do_not_know_of_each_other() -> None:
    starts = torch.tensor([[-1.2, 1.0], [2.0, -3.0], [0.0, 0.5]], dtype=torch.float64)
    together = descend(starts, 25)
    for i in range(3):
        torch.testing.assert_close(together.at[i : i + 1], descend(starts[i : i + 1], 25).at)


def test_rows_that_are_kept_go_on_as_before() -> None:
    starts = torch.tensor([[-1.2, 1.0], [2.0, -3.0], [0.0, 0.5]], dtype=torch.float64)
    fewer = descend(starts, 8)
    fewer.keep(torch.tensor([True, False, True]))
    for _ in range(8):
        fewer.move(*valleys(fewer.trial))
    torch.testing.assert_close(fewer.at, descend(starts, 16).at[[0, 2]])
