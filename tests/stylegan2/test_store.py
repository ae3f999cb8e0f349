"""Names → files: what wins over what, and that the manifest says the truth."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from stylegan2 import store
from stylegan2.errors import UnknownWeights

ENTRY = {"file": "tiny.safetensors", "sha256": "", "size": 4, "licence": "MIT", "source": "a test"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of weights with `tiny` there and `lost` not, in place of the shipped one."""
    weights = tmp_path / "weights"
    weights.mkdir()
    entries = {"tiny": ENTRY, "lost": ENTRY | {"file": "lost.safetensors"}}
    (weights / store.MANIFEST).write_text(json.dumps(entries), encoding="utf-8")
    (weights / "tiny.safetensors").write_bytes(b"tiny")
    monkeypatch.setattr(store, "PLACES", (tmp_path / "nowhere", weights))
    monkeypatch.chdir(tmp_path)
    return weights


def test_a_shipped_name_is_found_from_any_folder(folder):
    assert store.resolve("tiny") == folder / "tiny.safetensors"


def test_an_existing_file_wins_over_a_name(folder, tmp_path):
    (tmp_path / "tiny").write_bytes(b"mine")
    assert store.resolve("tiny").read_bytes() == b"mine"


def test_a_folder_does_not_hide_a_name(folder, tmp_path):
    (tmp_path / "tiny").mkdir()
    assert store.resolve("tiny") == folder / "tiny.safetensors"
    assert store.resolve("./tiny").resolve() == tmp_path / "tiny"
    assert store.resolve(tmp_path / "tiny") == tmp_path / "tiny"


def test_an_unknown_name_lists_the_known_ones(folder):
    with pytest.raises(UnknownWeights) as caught:
        store.resolve("tinny")
    assert str(caught.value) == (
        "tinny: neither an existing file nor a shipped name (lost, tiny); check the spelling, or give the path of one"
    )


def test_a_lost_file_is_named(folder):
    with pytest.raises(UnknownWeights) as caught:
        store.resolve("lost")
    assert str(caught.value) == (
        f"lost: {folder / 'lost.safetensors'} is in the manifest but not on the disk; install blendgan again"
    )


def test_a_lost_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PLACES", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(UnknownWeights, match="found neither .*a.manifest.json nor .*b.manifest.json"):
        store.weights_dir()


def test_the_hash_is_sha256_of_the_whole_file(tmp_path):
    data = bytes(range(256)) * (store.CHUNK_BYTES // 128)  # two chunks
    (tmp_path / "file").write_bytes(data)
    assert store.sha256_of(tmp_path / "file") == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("entry", store.manifest().values(), ids=store.manifest())
def test_the_manifest_says_the_truth(entry):
    assert (store.sha256_of(entry.path), entry.path.stat().st_size) == (entry.sha256, entry.size)


def test_entries_are_sorted_and_name_their_licence():
    entries = store.manifest()
    assert list(entries) == sorted(entries)
    assert all(entry.licence and entry.source for entry in entries.values())
    assert all(entry.path.parent == store.weights_dir() for entry in entries.values())


def test_every_name_resolves_to_an_absolute_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert store.weights_dir().is_absolute()
    assert isinstance(store.resolve("mtcnn"), Path)
