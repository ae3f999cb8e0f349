"""Latent files: what is written comes back, what is broken is named, and who may use it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from projector.latent import Latent, load_latent, require_generator, save_latent
from stylegan2 import load_generator
from stylegan2.checkpoints import fingerprint_mapping
from stylegan2.errors import InputError, WrongGenerator


def random_latent(mapping: str = "ab" * 32, faces: int = 2) -> Latent:
    draw = torch.Generator().manual_seed(0)
    noise = {"b8.conv0": torch.randn(faces, 1, 8, 8, generator=draw)}
    return Latent(torch.randn(faces, 6, 8, generator=draw), mapping, noise, {"space": "w+"})


def test_a_latent_comes_back_as_it_was(tmp_path: Path) -> None:
    written = random_latent()
    save_latent(written, tmp_path / "a.npz")
    read = load_latent(tmp_path / "a.npz")
    assert torch.equal(read.w, written.w)
    assert torch.equal(read.noise["b8.conv0"], written.noise["b8.conv0"])
    assert read.mapping == written.mapping
    assert read.metadata["space"] == "w+"
    save_latent(read, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_existing_latent_is_kept(tmp_path: Path) -> None:
    save_latent(random_latent(), tmp_path / "a.npz")
    before = (tmp_path / "a.npz").read_bytes()
    with pytest.raises(InputError, match="another latent is there already.*--force"):
        save_latent(random_latent(faces=1), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == before
    save_latent(random_latent(), tmp_path / "a.npz")  # the very same is no loss


def test_nvidias_form_is_read(tmp_path: Path) -> None:
    w = np.random.RandomState(0).randn(1, 6, 8).astype(np.float32)
    np.savez(tmp_path / "projected_w.npz", w=w)
    read = load_latent(tmp_path / "projected_w.npz")
    assert read.mapping == ""
    np.testing.assert_array_equal(read.w.numpy(), w)


@pytest.mark.parametrize("case", ["missing", "text", "objects", "no w", "wrong shape"])
def test_what_is_no_latent_is_named(case: str, tmp_path: Path) -> None:
    path = tmp_path / "latent.npz"
    if case == "text":
        path.write_text("not a zip")
    elif case == "objects":
        np.savez(path, w=np.array([{}], dtype=object))
    elif case == "no w":
        np.savez(path, z=np.zeros(3))
    elif case == "wrong shape":
        np.savez(path, w=np.zeros((3, 4), np.float32))
    with pytest.raises(InputError, match="latent.npz: "):
        load_latent(path)


@pytest.mark.parametrize("case", ["array", "empty", "damaged", "compression", "encrypted", "header"])
def test_what_numpy_stumbles_over_is_one_line(case: str, tmp_path: Path) -> None:
    path = tmp_path / "latent.npz"
    np.savez_compressed(path, w=np.random.RandomState(0).randn(1, 6, 8))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")  # the directory's entry of w.npy
    if case == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros((1, 6, 8), np.float32))
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "damaged":
        data[60:90] = b"\xff" * 30
    elif case == "compression":
        data[entry + 10] = data[8] = 99
    elif case == "encrypted":
        data[entry + 8] |= 1
        data[6] |= 1
    elif case == "header":
        np.savez(path, w=np.zeros((1, 6, 8), np.float32), header=np.frombuffer(b"[" * 100_000, np.uint8))
    if case in ("damaged", "compression", "encrypted"):
        path.write_bytes(data)
    with pytest.raises(InputError, match=r"latent.npz: [^\n]*$"):
        load_latent(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"w": np.full((1, 6, 8), np.nan)}, "found NaN or infinity in w"),
        ({"w": np.full((1, 6, 8), 1e300)}, "found NaN or infinity in w"),
        ({"noise.b8.conv0": np.zeros((8, 8))}, r"found noise.b8.conv0 float64 \[8, 8\], expected float \[1, 1, H, W\]"),
        ({"noise.b8.conv0": np.zeros((1, 1, 8, 8), int)}, "found noise.b8.conv0 int"),
        ({"noise.b8.conv0": np.full((1, 1, 8, 8), np.inf)}, "found NaN or infinity in noise.b8.conv0"),
    ],
)
def test_numbers_that_cannot_be_drawn_are_refused(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "latent.npz", **{"w": np.zeros((1, 6, 8)), **arrays})
    with pytest.raises(InputError, match=message):
        load_latent(tmp_path / "latent.npz")


def test_only_the_family_takes_a_latent(pico) -> None:  # type: ignore[no-untyped-def]
    base, stranger = pico(0), pico(1)
    latent = random_latent(fingerprint_mapping(base))
    require_generator(latent, load_generator(base))
    with pytest.raises(WrongGenerator, match="belongs to the mapping network"):
        require_generator(latent, load_generator(stranger))
    parent = {"name": "base", "mapping_fingerprint": fingerprint_mapping(base)}
    child = replace(stranger, metadata={"lineage": {"blend": [{"lineage": {"transfer": parent}}]}})
    require_generator(latent, load_generator(child))


def test_another_number_of_styles_is_another_generator(pico) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WrongGenerator, match=r"has styles \(7, 8\)"):
        require_generator(Latent(torch.zeros(1, 7, 8), ""), load_generator(pico(0)))
