"""A fingerprint depends on names, types, shapes and numbers, and on nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch

from stylegan2.checkpoints import fingerprint, fingerprint_mapping


def test_it_is_sha256_over_sorted_name_type_shape_bytes():
    tensors = {"b": torch.tensor([[1.0, 2.0]]), "a": torch.tensor(3.0).half()}
    data = b"a\0float16\0\0" + tensors["a"].numpy().tobytes() + b"b\0float32\x001,2\0" + tensors["b"].numpy().tobytes()
    assert fingerprint(tensors) == hashlib.sha256(data).hexdigest()


def test_order_memory_and_metadata_do_not_count(model):
    turned = dict(reversed(model.tensors.items()))
    turned["mapping.fc0.weight"] = turned["mapping.fc0.weight"].T.contiguous().T
    assert fingerprint(replace(model, tensors=turned, metadata={})) == fingerprint(model) == fingerprint(model.tensors)


def test_every_number_name_type_and_shape_counts():
    base = {"a": torch.zeros(2, 3), "b": torch.zeros(())}
    others = [
        {**base, "b": torch.tensor(-0.0)},
        {**base, "a": torch.zeros(3, 2)},
        {**base, "a": torch.zeros(2, 3).double()},
        {"a": base["a"], "c": base["b"]},
        {"a": base["a"]},
        {**base, "e": torch.zeros(0)},
    ]
    assert len({fingerprint(tensors) for tensors in [base, *others]}) == 7


def test_that_of_the_mapping_ignores_synthesis(model):
    changed = {name: tensor + name.startswith("synthesis.") for name, tensor in model.tensors.items()}
    assert fingerprint(changed) != fingerprint(model)
    assert fingerprint_mapping(changed) == fingerprint_mapping(model)
    moved = {name: tensor + (name == "mapping.fc0.bias") for name, tensor in model.tensors.items()}
    assert fingerprint_mapping(moved) != fingerprint_mapping(model)
