"""The page Sheet: its file is the command line's, its address says all of it, and its size is bounded."""

from __future__ import annotations

import json
import shlex

import pytest

from blendgan.cli.main import cli as blendgan
from blendgan.images import read_metadata
from blendgan.papers import METADATA_KEY


def only_code(test) -> str:
    (code,) = test.code
    return code.value


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"match_colour": "1", "x": "seeds=0-2", "y": "alpha=0,0.5,1"},
        {"x": "seeds=3,1", "y": "schedules=swap-res 8; sigmoid 8,1.5 high; alpha 0.25", "trunc": "0.4"},
        {"x": "swap-res=4,8", "y": "alpha=0.3", "transfer_gives": "high", "seed": "7"},
        {"x": "seeds=0-1", "y": "transfer-gives=low,high", "swap_res": "8"},
        {"x": "alpha=0.25,0.75", "y": "seeds=5", "seed": "9"},
    ],
    ids=lambda query: " ".join(query) or "as it opens",
)
def test_the_file_is_that_of_the_command_that_is_shown(explorer, downloads, elsewhere, cli, query):
    test = explorer("sheet", **query)
    assert not test.exception and not test.error
    words = shlex.split(only_code(test))
    result = cli.invoke(blendgan, [*words[1:], "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert downloads["sheet:download"] == (elsewhere / "sheet.png").read_bytes()
    said = json.loads(read_metadata(elsewhere / "sheet.png")[METADATA_KEY])
    assert said["x"] == query.get("x", said["x"]) and said["match_colour"] is ("match_colour" in query)


def test_the_address_says_all_of_it_and_opens_the_same(explorer, downloads):
    first = explorer("sheet", x="seeds=2,4", y="alpha=0,1", seed="3", match_colour="1", trunc="0.9")
    query = dict(first.query_params.items())
    assert query["x"] == "seeds=2,4" and query["y"] == "alpha=0,1" and query["match-colour"] == "1"
    assert query["trunc"] == "0.9" and query["base"].endswith("base.safetensors")
    file = downloads["sheet:download"]
    again = explorer("sheet", **query)
    assert downloads["sheet:download"] == file
    assert dict(again.query_params.items()) == query


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"x": "colour=1"}, "x in the address"),
        ({"y": "alpha=2"}, "expected a share of TRANSFER between 0 and 1"),
        ({"y": "seeds=9-1"}, "runs backwards"),
        ({"seed": "-1"}, "is no seed"),
        ({"transfer_gives": "up"}, "expected low or high"),
        ({"swap_res": "nan"}, "expected a power of two"),
        ({"swap_res": "5"}, "expected a power of two"),
        ({"match_colour": "<b>"}, "expected 0 or 1"),
    ],
)
def test_wrong_words_in_the_address_are_told_and_the_usual_is_shown(explorer, downloads, query, words):
    test = explorer("sheet", **query)
    (warning,) = test.warning
    assert words in warning.value.replace("\\", "")
    assert not test.exception and "blendgan grid" in only_code(test)
    (key,) = query
    assert test.query_params.get(key.replace("_", "-")) != query[key]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"x": "seeds=0-64", "y": "alpha=1"}, "found 65 cells of 16 x 16 px, expected at most 64"),
        ({"x": "seeds=0", "y": "seeds=1"}, "axes: both are seeds"),
        ({"x": "schedules=alpha 1", "y": "alpha=0"}, "they say themselves how to blend"),
        ({"x": "schedules=table 4=1", "y": "seeds=0"}, "no alpha for 8 px"),
        ({"x": "schedules=layers 1", "y": "seeds=0"}, "layers"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence_and_the_controls_stay(explorer, query, words):
    test = explorer("sheet", **query)
    (error,) = test.error
    assert words in error.value.replace("\\", "")
    assert not test.exception and not test.code and test.text_input
    test.run()
    assert not test.exception and [again.value for again in test.error] == [error.value]


def test_changing_the_controls_changes_sheet_and_address(explorer):
    test = explorer("sheet")
    assert test.text_input[0].value == "4,8"
    test.button(key="sheet:Seeds × schedules").click().run()
    assert [field.value for field in test.text_input] == [
        "0-3",
        "swap-res 8 low; sigmoid 8,1.5 low; alpha 0.5; swap-res 16 low",
    ]
    test.text_input[0].set_value("0,7").run()
    assert test.query_params["x"] == "seeds=0,7" and "--x seeds=0,7" in only_code(test)
    test.selectbox(key="sheet:y:name").set_value("alpha").run()
    assert test.text_input[1].value == "0,0.25,0.5,1" and not test.exception
    test.text_input[1].set_value("x").run()
    assert "found no numbers" in test.error[0].value.replace("\\", "")
    assert "alpha=0,0.25,0.5,1" in only_code(test)  # what was there before


def test_a_sheet_that_is_drawn_is_there_for_other_sessions(explorer, monkeypatch):
    from app.sheet import work as sheet_work

    begun, original = [], sheet_work.draw
    monkeypatch.setattr(sheet_work, "draw", lambda *given: begun.append(given) or original(*given))
    first = explorer("sheet", x="seeds=0-3", y="alpha=1")
    first.toggle(key="sheet:match").set_value(True).run()
    assert len(begun) == 2 and not first.exception
    testing = pytest.importorskip("streamlit.testing.v1")
    for seeds, count in (("seeds=0-3", 2), ("seeds=0-4", 3)):
        other = testing.AppTest.from_string("from app.screens import sheet\nsheet.page()\n", default_timeout=60)
        other.query_params["x"], other.query_params["y"] = seeds, "alpha=1"
        assert not other.run().exception and "blendgan grid" in only_code(other)
        assert len(begun) == count


def test_what_is_drawn_holds_neither_models_nor_tensors_and_is_bounded(explorer):
    import gc

    from torch import Tensor

    from app.engine import Pair
    from app.sheet import work as sheet_work

    test = explorer("sheet", x="seeds=0", y="alpha=1")
    for seed in range(1, sheet_work.MOST_KEPT + 3):
        test.text_input(key="sheet:x:values").set_value(str(seed)).run()
    kept = sheet_work._kept()
    assert len(kept) == sheet_work.MOST_KEPT
    held = [one for work in kept.values() for one in gc.get_referents(work.__dict__)]
    assert not [one for one in held if isinstance(one, (Tensor, Pair))]
    assert not any(work._drawn or work._sources or work._coming for work in kept.values())


def test_cells_are_drawn_piece_by_piece_and_each_stands_at_all_its_places(explorer, pico_files):
    from app.engine import engine
    from app.scene import usual_scene
    from app.sheet.scene import SheetScene
    from app.sheet.work import work_of
    from blendgan.axes import parse_axis
    from blendgan.rendering import Setting

    explorer("sheet", x="seeds=9", y="alpha=1")  # so that there is an engine on these models
    models = engine()
    twice = SheetScene(parse_axis("swap-res=4,8"), parse_axis("schedules=alpha 0.3; alpha 0.6"))
    with pytest.raises(Exception, match="they say themselves"):
        work_of(twice, usual_scene(models), models)
    alike = SheetScene(parse_axis("swap-res=4,8,16"), parse_axis("alpha=0,1"))  # without TRANSFER all swaps are BASE
    work = work_of(alike, usual_scene(models), models)
    counts = []
    while work.file is None:
        models.run(lambda: work.go_on(0.0, Setting()))
        counts.append(len(work.pictures))
    assert counts == sorted(set(counts)) and counts[-1] == 6 and len(counts) == work.distinct > 1
    assert sorted(place for place, _ in work.pictures) == list(range(6))
    files = dict(work.pictures)
    assert files[0] == files[1] == files[2] and len({files[0], files[3], files[4], files[5]}) > 2
