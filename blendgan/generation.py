"""Pictures from seeds: for each seed one latent, one source of noise, one picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from blendgan import __version__
from stylegan2.checkpoints import Checkpoint, fingerprint
from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.loading import load_generator, open_model

METADATA_KEY = "blendgan"  # of the text in a PNG file


@dataclass(frozen=True)
class Drawing:
    """What to draw. `network`: a path or shipped name. truncation_psi: 1 = off, 0 = the mean face."""

    network: str
    seeds: tuple[int, ...]
    truncation_psi: float = 1.0
    class_index: int | None = None
    noise_mode: str = "const"  # or random (from the seed), none
    precision: str = "fp32"


@dataclass(frozen=True)
class GeneratedPicture:
    """One picture [1, 3, H, W], about [-1, 1], not clamped, and the text that tells how to draw it again."""

    seed: int
    image: Tensor
    metadata: dict[str, str]

    @property
    def filename(self) -> str:
        """The name that users of StyleGAN expect."""
        return f"seed{self.seed:04d}.png"


def latent_of(seed: int, z_dim: int) -> Tensor:
    """Return z [1, z_dim] of a seed: the first draw of numpy's RandomState, as everywhere in StyleGAN's world."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).to(torch.float32)


def label_of(config: GeneratorConfig, class_index: int | None) -> Tensor | None:
    """Return c [1, num_classes], or None without classes. Raises InputError if class and model do not fit."""
    count = config.num_classes
    if class_index is None and count == 0:
        return None
    if count == 0:
        raise InputError(f"class {class_index}: this model has no classes; leave the class out")
    if class_index is None:
        raise InputError(f"class: this model has {count} classes; choose one, 0 … {count - 1}")
    if not 0 <= class_index < count:
        raise InputError(f"class {class_index}: this model has {count} classes; choose one, 0 … {count - 1}")
    return torch.nn.functional.one_hot(torch.tensor([class_index]), count).to(torch.float32)


def generate(drawing: Drawing, device: torch.device | None = None) -> Iterator[GeneratedPicture]:
    """Yield one picture for each seed, each rendered alone, so that a seed gives the same bytes in any company.

    Raises InputError if class and model do not fit, CheckpointError or UnknownWeights if there is no such model.
    """
    device = torch.device("cpu") if device is None else device
    checkpoint = open_model(drawing.network)
    generator = load_generator(checkpoint, precision=drawing.precision).to(device)
    label = label_of(generator.config, drawing.class_index)
    label = None if label is None else label.to(device)
    papers = _papers(drawing, checkpoint)
    for seed in drawing.seeds:
        noise_source = torch.Generator(device).manual_seed(seed)
        with torch.inference_mode():
            z = latent_of(seed, generator.config.z_dim).to(device)
            ws = generator.mapping(z, label, truncation_psi=drawing.truncation_psi)
            image = generator.synthesis(ws, noise_mode=drawing.noise_mode, generator=noise_source)
        yield GeneratedPicture(seed, image, {METADATA_KEY: json.dumps(papers | {"seed": seed})})


def _papers(drawing: Drawing, checkpoint: Checkpoint) -> dict[str, object]:
    """All but the seed. Of the model's path only the name: pictures travel, and folders are private."""
    words = asdict(drawing)
    words.pop("seeds")
    words["network"] = Path(drawing.network).name
    return {"command": "generate", "version": __version__, **words, "fingerprint": fingerprint(checkpoint)}
