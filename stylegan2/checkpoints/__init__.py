"""Model files of every StyleGAN2 dialect, read as data. Arithmetic on tensors only; no network code."""

from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.fingerprints import fingerprint, fingerprint_mapping
from stylegan2.checkpoints.native import save
from stylegan2.checkpoints.readers import load
from stylegan2.checkpoints.shapes import check_shapes, expected_shapes

__all__ = [
    "DISCRIMINATOR_PREFIX",
    "RAW_PREFIX",
    "Checkpoint",
    "check_shapes",
    "expected_shapes",
    "fingerprint",
    "fingerprint_mapping",
    "load",
    "save",
]
