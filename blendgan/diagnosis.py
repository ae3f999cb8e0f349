"""What this machine has, and what is missing: the findings behind `blendgan doctor`."""

from __future__ import annotations

import platform
from importlib.util import find_spec

import torch

from blendgan import __version__
from blendgan.devices import select_device
from blendgan.findings import Finding
from blendgan.kernel_report import kernel_findings
from stylegan2.store import ShippedWeights, manifest, sha256_of, weights_dir


def findings() -> tuple[Finding, ...]:
    """Look at Python, PyTorch, the devices, the ops and the shipped weights (each file is read and hashed)."""
    return (
        Finding("blendgan", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("PyTorch", torch.__version__),
        *_devices(),
        *kernel_findings(),
        _films(),
        Finding("weights folder", str(weights_dir())),
        *(_weights(entry) for entry in manifest().values()),
    )


def _devices() -> tuple[Finding, ...]:
    found = [Finding("CPU", f"{torch.get_num_threads()} threads")]
    found += [Finding(f"cuda:{i}", torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append(Finding("mps", "available"))
    return (*found, Finding("--device auto", str(select_device("auto"))))


def _films() -> Finding:
    if find_spec("av") is None:
        return Finding("films", "webp and gif", "for .mp4: pip install 'blendgan[video]'")
    return Finding("films", "mp4, webp and gif")


def _weights(entry: ShippedWeights) -> Finding:
    subject = f"weights: {entry.name}"
    if not entry.path.is_file():
        return Finding(subject, f"{entry.file} is not there", "install blendgan again")
    if sha256_of(entry.path) != entry.sha256:
        return Finding(subject, f"{entry.file} is not the file that was shipped", "install blendgan again")
    return Finding(subject, f"{entry.file}, {entry.size / 1e6:.1f} MB, {entry.licence}")
