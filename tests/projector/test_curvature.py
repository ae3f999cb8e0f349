"""The curvature: what it recovers, and that searches are faster by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from projector.curvature import FLOOR, REACH, Curvature, curvature_of, sample_gradients
from projector.curvature_files import curvature_for, load_curvature, save_curvature
from projector.latent import family
from projector.optimise import ProjectionConfig, project
from stylegan2 import store
from stylegan2.errors import CheckpointError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w


@pytest.fixture(scope="module")
def curvature(generator: Generator) -> Curvature:
    return curvature_of(torch.cat(list(sample_gradients(generator, None, samples=96))), "of the generator")


def test_a_known_hessian_is_recovered() -> None:
    draw = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=draw))
    hessian = turn @ torch.diag(torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.1])) @ turn.T
    found = curvature_of(REACH * torch.randn(20000, 6, generator=draw) @ hessian, rank=4)
    torch.testing.assert_close(found.curvatures, torch.tensor([8.0, 4.0, 2.0, 1.0]), rtol=0.03, atol=0)
    torch.testing.assert_close((found.directions @ turn[:, :4]).abs(), torch.eye(4), atol=0.05, rtol=0)


def test_the_root_evens_the_curvature_out() -> None:
    draw = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=draw))
    known = Curvature(turn[:3], torch.tensor([5.0, 1.0, 0.1]))
    hessian = turn[:3].T @ torch.diag(known.curvatures) @ turn[:3] + FLOOR * torch.eye(6)
    x = torch.randn(2, 6, generator=draw)
    torch.testing.assert_close(known.root(known.root(x) @ hessian), x, atol=1e-4, rtol=1e-4)


def test_a_search_goes_further_by_it(generator: Generator, curvature: Curvature) -> None:
    pictures = generator.synthesis(sample_w(generator, 2, seed=9)[:, None].repeat(1, generator.config.num_ws, 1))
    config = ProjectionConfig(steps=12, space="w+", jitter=0)
    plain = list(project(pictures, generator, None, config))[-1]
    swift = list(project(pictures, generator, None, config, curvature=curvature))
    assert [step.index for step in swift] == list(range(13))
    assert bool((swift[-1].distances < 0.6 * plain.distances).all())
    alone = list(project(pictures[:1], generator, None, config, curvature=curvature))[-1]
    torch.testing.assert_close(alone.w, swift[-1].w[:1], atol=5e-3, rtol=5e-3)  # what rounding comes to in 12 steps


def test_it_serves_the_space_of_one_style_for_each_layer_alone(generator: Generator, curvature: Curvature) -> None:
    pictures = generator.synthesis(sample_w(generator, 1, seed=9)[:, None].repeat(1, generator.config.num_ws, 1))
    config = ProjectionConfig(steps=2, space="w")
    ends = [list(project(pictures, generator, None, config, curvature=each))[-1].w for each in (None, curvature)]
    assert torch.equal(*ends)


def test_a_file_holds_it(
    curvature: Curvature, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pico.curvature.safetensors"
    save_curvature(curvature, path)
    read = load_curvature(path)
    torch.testing.assert_close(read.directions, curvature.directions, atol=1e-3, rtol=1e-3)
    assert torch.equal(read.curvatures, curvature.curvatures)
    assert (read.mapping, read.fits(generator)) == (curvature.mapping, True)
    entry = {"file": path.name, "sha256": "", "size": 0, "licence": "", "source": ""}
    entry |= {"kind": "curvature", "mapping": curvature.mapping}
    (tmp_path / store.MANIFEST).write_text(json.dumps({"pico-curvature": entry}), encoding="utf-8")
    monkeypatch.setattr(store, "PLACES", (tmp_path,))
    found = curvature_for(["another", curvature.mapping])
    assert found is not None
    assert torch.equal(found.directions, read.directions)
    assert curvature_for(family(generator)) is None


def test_other_files_are_refused(curvature: Curvature, pico, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "model.safetensors"
    pico(0).save(path)
    with pytest.raises(CheckpointError, match="holds no curvature"):
        load_curvature(path)
    with pytest.raises(CheckpointError, match="holds no curvature"):
        load_curvature(tmp_path / "nothing")
    save_curvature(Curvature(curvature.directions, curvature.curvatures[:-1]), path)
    with pytest.raises(CheckpointError, match="expected one that"):
        load_curvature(path)
