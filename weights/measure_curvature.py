"""Measure how a model's distance bends along w, for faster projections:

python weights/measure_curvature.py portraits weights/portraits.curvature.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from projector.curvature import curvature_of, sample_gradients
from projector.curvature_files import save_curvature
from stylegan2.loading import load_discriminator, load_generator


def main(model: str, path: Path) -> None:
    """Write the curvature of a model with a discriminator."""
    generator = load_generator(model)
    gradients = torch.cat(list(sample_gradients(generator, load_discriminator(model))))
    save_curvature(curvature_of(gradients, generator.mapping_fingerprint), path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
