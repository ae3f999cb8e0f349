"""What networks are called: short, and never two alike."""

from __future__ import annotations

import pytest

from blendgan.dni.labels import LONGEST, labels, short

NAMES = {
    "short ones stay": (["n20", "n30"], ["n20", "n30"]),
    "head and tail": (
        ["my_long_experiment_name_iter_200000", "b"],
        ["my_long_ex...iter_200000", "b"],
    ),
    "what differs is inside": (
        [f"my_long_experiment_name_dncnn_sigma{level}_iter_200000" for level in (20, 60)],
        ["...sigma20_iter_200000", "...sigma60_iter_200000"],
    ),
}


def test_files_are_called_by_their_names_and_by_their_paths_where_these_repeat():
    assert labels(["x/n20.pth", "n30.safetensors"]) == ("n20", "n30")
    assert labels(["x/net.pth", "y/net.pth", "n30.pth"]) == ("x/net.pth", "y/net.pth", "n30")


@pytest.mark.parametrize("case", NAMES)
def test_names_are_cut_where_they_are_alike(case):
    names, expected = NAMES[case]
    assert list(short(names).values()) == expected


@pytest.mark.parametrize(
    "names",
    [
        [f"/data/experiments/of/mine/{run}/models/net_g_latest.pth" for run in ("first", "second", "third")],
        [f"{'a' * 30}{i}{'b' * 30}" for i in range(3)],
        [f"{'a' * 30}_x{'c' * 30}{i}{'b' * 30}_{'e' * 20}{j}{'d' * 30}" for i in range(2) for j in range(2)],
        ["a" * 40, "a" * 41],
    ],
)
def test_names_that_differ_still_do(names):
    cut = short([*names, names[0]])
    assert list(cut) == names
    assert len(set(cut.values())) == len(names)
    assert all(len(name) <= LONGEST for name in cut.values())
