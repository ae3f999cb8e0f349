"""Which device computes, and what it can compute in."""

from __future__ import annotations

import pytest
import torch

from blendgan.cli import main
from blendgan.devices import require_precision, select_device
from stylegan2.errors import InputError

CPU = torch.device("cpu")


def test_words_that_are_no_device():
    with pytest.raises(InputError, match="device: found 'gpu', expected auto, cpu"):
        select_device("gpu")
    assert select_device("cpu") == CPU


@pytest.mark.parametrize(
    ("has", "precision", "there"),
    [
        ({"avx2": True}, "fp32", True),
        ({"avx2": True}, "bf16", False),
        ({"avx512_bf16": True}, "bf16", True),
        ({"amx_bf16": True}, "bf16", True),
        ({"avx512_bf16": True}, "fp16", False),
        ({"avx512_fp16": True}, "fp16", True),
        ({"neon": True, "bf16": True}, "bf16", True),
        ({"neon": True, "fp16_arith": True}, "fp16", True),
    ],
)
def test_half_precision_is_for_processors_that_have_it(monkeypatch, has, precision, there):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "X1", **has})
    if there:
        require_precision(precision, CPU)
    else:
        with pytest.raises(
            InputError, match=f"^precision: {precision} needs a device .* the processor X1 does not; use"
        ):
            require_precision(precision, CPU)


@pytest.mark.parametrize("words", [["generate", "--seeds", "0"], ["train", "--data", "faces", "--outdir", "run"]])
def test_a_command_says_so_before_it_writes_anything(monkeypatch, capsys, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "X1"})
    assert main.run([*words, "--precision", "bf16"]) == 2
    assert "precision: bf16 needs a device that computes in it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
