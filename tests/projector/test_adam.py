"""Adam is torch's, and brings none of torch's compiler with it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from projector.adam import Adam

PROJECTION = """
import sys
import torch
from projector.optimise import ProjectionConfig, project
from stylegan2.config import GeneratorConfig
from stylegan2.generator import Generator

config = GeneratorConfig(
    resolution=16, channels=(8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8
)
generator = Generator(config).eval().requires_grad_(False)
for _ in project(torch.zeros(1, 3, 16, 16), generator, None, ProjectionConfig(steps=2)):
    pass
print(*(name for name in ("torch._dynamo", "sympy", "scipy") if name in sys.modules))
"""


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.0, 0.999)])
def test_it_takes_the_steps_of_torchs_own(betas: tuple[float, float]) -> None:
    draw = torch.Generator().manual_seed(0)
    scale = torch.tensor([1e-3, 1.0, 1e3])
    own, known = torch.ones(3), torch.ones(3, requires_grad=True)
    ours, theirs = Adam([own], betas), torch.optim.Adam([known], betas=betas)
    for step in range(20):
        rate = 0.1 / (step + 1)
        theirs.param_groups[0]["lr"] = rate
        known.grad = scale * torch.randn(3, generator=draw)
        ours.step([known.grad], rate)
        theirs.step()
        torch.testing.assert_close(own, known.detach(), atol=1e-6, rtol=1e-6)
    assert bool((own != 1).all())


def test_a_projection_starts_no_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", PROJECTION], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
