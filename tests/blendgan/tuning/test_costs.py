"""Parameters and multiply-adds: the paper's Table 4, and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from blendgan.restoration.networks import Residual
from blendgan.restoration.restorer import Restorer, Sizes
from blendgan.tuning.costs import count
from blendgan.tuning.forms import Form, build


def multiply_adds(run):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() // 2


def test_the_papers_table():
    """AdaFM-Net: 1.41 M parameters; with FTN 1.83 M, with G = 16 1.44 M; 25.11 G, and 0.25 and 0.02 G more.

    Theirs count biases and activations, too.
    """
    network = Residual(3, 64, 16)
    restorer = Restorer(network, "AdaFM-Net's size", 3, 1, 1, sizes=Sizes(multiple=2))
    plain, grouped = (count(restorer, build(restorer, Form("ftn", groups=groups))) for groups in (1, 16))
    assert plain.main_parameters == 1_406_787
    assert (round(plain.total_parameters / 1e6, 2), round(grouped.total_parameters / 1e6, 2)) == (1.83, 1.44)
    assert plain.main_multiply_adds / 1e9 == pytest.approx(25.11, rel=0.01)
    assert round(plain.multiply_adds / 1e9, 2) == 0.24
    assert round(grouped.multiply_adds / 1e9, 3) == 0.015


def test_what_is_run_is_what_is_counted(restorers, form):
    restorer = restorers("residual")
    tuning = build(restorer, form)
    cost = count(restorer, tuning, 24, 32)
    given = torch.zeros(1, 3, 24, 32)
    main = multiply_adds(lambda: restorer.network(given))
    assert cost.main_multiply_adds == main
    added = multiply_adds(lambda: tuning(given, 0.5)) - main
    if form.variant == "spatial":
        added = 2 * 9 * sum(f.numel() for f, _ in tuning.filters().values())  # sums of products, no convolutions
    coupling = 2 * (1 + 8) * 64 if form.method == "cfsnet" else 0  # products with vectors, which torch does not count
    assert cost.multiply_adds == added + coupling
    assert cost.parameters == sum(tensor.numel() for tensor in tuning.state_dict().values())


def test_ftn_costs_the_same_for_any_picture(restorers):
    restorer = restorers("dncnn")
    tuning = build(restorer, Form("ftn"))
    small, large = count(restorer, tuning, 16, 16), count(restorer, tuning, 64, 64)
    assert small.multiply_adds == large.multiply_adds
    assert large.main_multiply_adds == 16 * small.main_multiply_adds
    assert str(small).startswith("1,611 parameters and 483 more; for 16 x 16 px ")
