"""`doctor` tells a whole weight file from a damaged and a lost one."""

from __future__ import annotations

import json

import pytest
import torch

from blendgan.cli import main
from blendgan.diagnosis import Finding, findings
from stylegan2 import store


@pytest.fixture
def weights(tmp_path, monkeypatch):
    whole = {"file": "whole.safetensors", "size": 5, "licence": "MIT", "source": "a test"}
    (tmp_path / "whole.safetensors").write_bytes(b"whole")
    (tmp_path / "damaged.safetensors").write_bytes(b"whoel")
    sha256 = store.sha256_of(tmp_path / "whole.safetensors")
    entries = {
        name: {**whole, "file": f"{name}.safetensors", "sha256": sha256} for name in ("damaged", "lost", "whole")
    }
    (tmp_path / store.MANIFEST).write_text(json.dumps(entries), encoding="utf-8")
    monkeypatch.setattr(store, "PLACES", (tmp_path,))


def test_findings(weights):
    found = {finding.subject: finding for finding in findings()}
    assert found["PyTorch"].value == torch.__version__
    assert found["CPU"].value == f"{torch.get_num_threads()} threads"
    assert found["weights: whole"] == Finding("weights: whole", "whole.safetensors, 0.0 MB, MIT")
    assert found["weights: lost"].value == "lost.safetensors is not there"
    assert found["weights: damaged"].value == "damaged.safetensors is not the file that was shipped"
    assert {subject for subject, finding in found.items() if finding.advice} == {"weights: lost", "weights: damaged"}


def test_the_command(weights, capsys):
    assert main.run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "lost.safetensors is not there" in out
    assert "install blendgan again" in out
