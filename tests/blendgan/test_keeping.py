"""Which snapshot is the best, when a run is over, which files stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blendgan.control import Control, goal_of
from blendgan.keeping import Goal, Verdict, judge, prune, record_best, snapshot_name, why_over
from stylegan2.errors import InputError

HISTORY = [(1.0, {"fid": 9.0}), (2.0, {"fid": 4.0}), (3.0, {"fid": None}), (4.0, {"fid": 4.0}), (5.0, {"kid": 1.0})]


def test_the_best_is_the_first_of_equals_and_what_is_no_number_never_is() -> None:
    assert judge(Goal("fid"), HISTORY) == Verdict("fid", 4.0, 2.0, since=3)
    assert judge(Goal("fid", higher_is_better=True), HISTORY) == Verdict("fid", 9.0, 1.0, since=4)
    assert judge(Goal("kid"), HISTORY) == Verdict("kid", 1.0, 5.0, since=0)
    assert judge(Goal("ppl"), HISTORY) is None


def test_patience_counts_snapshots_without_a_better_one() -> None:
    verdict = judge(Goal("fid"), HISTORY)
    assert why_over(Goal("fid", patience=4), verdict) is None
    assert why_over(Goal("fid"), verdict) is None
    assert why_over(Goal("fid", patience=1), None) is None
    assert why_over(Goal("fid", patience=3), verdict) == (
        "ended: fid has not improved for 3 snapshots; the best was 4 at 2 kimg, network-snapshot-000002.safetensors"
    )


def test_best_json_names_the_file(tmp_path: Path) -> None:
    record_best(tmp_path, Verdict("fid", 4.0, 2.016, since=3))
    found = json.loads((tmp_path / "best.json").read_text())
    assert found == {"metric": "fid", "figure": 4.0, "kimg": 2.016, "file": "network-snapshot-000002.safetensors"}


def test_the_last_and_the_best_stay_and_what_a_state_has_not_come_to(tmp_path: Path) -> None:
    for kimg in range(1, 7):
        (tmp_path / snapshot_name(kimg)).touch()
    prune(tmp_path, 2, 5.0, snapshot_name(1))
    assert sorted(file.name for file in tmp_path.iterdir()) == [snapshot_name(kimg) for kimg in (1, 4, 5, 6)]


def test_numbers_that_make_no_sense_are_named() -> None:
    with pytest.raises(InputError, match="patience: found 0, expected at least 1 snapshot"):
        Goal("fid", patience=0)
    with pytest.raises(InputError, match="keep: found 0, expected at least 1 snapshot"):
        Control(keep=0)
    with pytest.raises(InputError, match="metric: found 'fid', but nothing watches this run"):
        Control(goal=Goal("fid"))


def test_a_watcher_says_of_which_figures_more_is_better() -> None:
    def silent(state: object, kimg: float) -> dict[str, float]:
        return {"fid": 1.0}

    def recall(state: object, kimg: float) -> dict[str, float]:
        return {"recall": 1.0}

    recall.higher_is_better = frozenset({"recall"})
    assert goal_of("recall", 3, (silent, recall)) == Goal("recall", 3, higher_is_better=True)
    assert goal_of("fid", None, (silent, recall)) == Goal("fid")
