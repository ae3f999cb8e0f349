"""The page Explore: every control goes into the scene and the address, and what it gives out is its command's."""

from __future__ import annotations

import shlex

import pytest

from blendgan.cli.main import cli as blendgan
from blendgan.recipe import recipe_of
from blendgan.schedule import Band, Swap, Table, Uniform


@pytest.fixture
def shown(monkeypatch) -> list:
    """The rows of faces that were drawn."""
    pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app.screens import explore

    given: list = []
    monkeypatch.setattr(explore, "faces", lambda rows, *words, **named: given.append(rows))
    return given


def scene(test):
    return test.session_state["scene"]


@pytest.fixture
def events(monkeypatch) -> list:
    """What the curve is told next; after that nothing."""
    pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app import schedule_controls

    waiting: list = []
    monkeypatch.setattr(schedule_controls, "moved", lambda key, count: waiting.pop() if waiting else None)
    return waiting


def test_it_opens_on_what_transfer_recommends(explorer, shown, pico_files):
    test = explorer("explore")
    assert not test.exception and not test.error and not test.warning
    assert [row.name for row in shown[-1]] == ["BASE", "blend", "TRANSFER"]
    assert all(len(set(row.pictures)) == 3 for row in shown[-1])
    assert shown[-1][1].alts == ("seed 0, blend", "seed 1, blend", "seed 2, blend")
    assert scene(test).recipe == recipe_of(Swap(16))


def test_what_an_address_says_is_no_markup(explorer):
    (warning,) = explorer("explore", base="![x](http://elsewhere.example/x.png)").warning
    assert "\\!\\[x\\]\\(" in warning.value


def test_another_kind_of_curve_takes_over_what_there_is(explorer, shown):
    test = explorer("explore", schedule="swap-res 8 high")
    before = shown[-1][1].pictures
    test.selectbox(key="explore:kind").select("sigmoid").run()
    assert scene(test).recipe.schedule.resolution == 8 and scene(test).recipe.schedule.transfer_gives == "high"
    assert test.query_params["schedule"] == "sigmoid 8,1 high"
    assert shown[-1][1].pictures != before


def test_numbers_of_a_curve(explorer, shown):
    test = explorer("explore", schedule="band 8,1")
    test.slider(key="explore:peak").set_value(0.5).run()
    assert scene(test).recipe.schedule == Band(8, 1.0, 0.5)
    test.slider(key="explore:width").set_value(2.0).run()
    assert scene(test).recipe.schedule == Band(8, 2.0, 0.5)


def test_a_point_that_was_moved_makes_a_table_that_the_link_shows(explorer, shown, events):
    from app.parts.curve import Moved

    test = explorer("explore", schedule="swap-res 4")
    events.append(Moved((0.25, 0.5, 0.75), 1, 1.0, final=False))
    test.run()
    base, blend, transfer = shown[-1]
    assert base.pictures is None and transfer.pictures is None  # the browser has them
    assert len(blend.pictures) == 3 and "0.75" not in test.query_params["schedule"]
    events.append(Moved((0.25, 0.5, 1.0), 2, 2.0, final=True))
    test.run()
    assert not test.exception
    assert scene(test).recipe == recipe_of(Table({4: 0.25, 8: 0.5, 16: 1.0}))
    moved = shown[-1]
    again = explorer("explore", **test.query_params)
    assert scene(again) == scene(test) and shown[-1] == moved and moved[0].pictures is not None


def test_ready_recipes_that_fit_are_offered(explorer, shown):
    test = explorer("explore")
    box = test.selectbox(key="explore:preset")
    assert "pinkney-1d" in box.options and "vtoonify-pixar" not in box.options  # that has 18 style layers
    box.select("pinkney-1d").run()
    assert scene(test).recipe.schedule == Swap(16, "high")


def test_channels_and_policies(explorer, shown):
    test = explorer("explore", schedule="alpha 0.5")
    plain = shown[-1][1].pictures
    test.text_input(key="explore:channels").set_value("ramp:0,1").run()
    assert test.query_params["channels"] == "ramp:0.0,1.0" and shown[-1][1].pictures != plain
    test.text_input(key="explore:channels").set_value("slope").run()
    assert "found 'slope'" in test.error[0].value.replace("\\", "")
    test.text_input(key="explore:channels").set_value("region:x.png:top:0.5").run()
    assert "expected a box" in test.error[0].value
    test.text_input(key="explore:channels").set_value("all").run()
    assert not test.error and scene(test).recipe == recipe_of(Uniform(0.5)) and "channels" not in test.query_params
    test.slider(key="explore:mapping").set_value(1.0).run()
    assert scene(test).recipe.mapping == "transfer"
    test.slider(key="explore:noise").set_value(0.5).run()
    assert scene(test).recipe.noise == 0.5 and test.query_params["noise"] == "0.5"


def test_faces_and_models(explorer, shown, pico_files):
    test = explorer("explore")
    test.text_input(key="explore:seeds").set_value("7,9").run()
    assert [len(row.pictures) for row in shown[-1]] == [2, 2, 2] and test.query_params["seeds"] == "7,9"
    test.text_input(key="explore:seeds").set_value("0-50").run()
    assert "found 51 seeds" in test.error[0].value and scene(test).seeds == (7, 9)
    test.slider(key="explore:psi").set_value(0.0).run()
    assert len(set(shown[-1][0].pictures)) == 1  # the mean face
    test.selectbox(key="explore:transfer").select(pico_files[2]).run()
    assert scene(test).transfer == pico_files[2] and scene(test).seeds == (7, 9)


def test_wrong_words_in_the_address_are_told_and_the_page_stays(explorer, shown):
    test = explorer("explore", schedule="wave 3", seeds="9", trunc="x")
    assert len(test.warning) == 2 and not test.exception
    assert scene(test).seeds == (9,) and len(shown) > 0


def test_all_that_it_gives_out_is_what_its_commands_write(explorer, shown, downloads, elsewhere, cli):
    test = explorer("explore", schedule="table 4=0.25,8=0.5,16=1", seeds="3", noise="0.5")
    generate, blend = (shlex.split(code.value)[1:] for code in test.code)
    assert cli.invoke(blendgan, [*generate, "--outdir", "full"], catch_exceptions=False).exit_code == 0
    assert cli.invoke(blendgan, [*generate, "--outdir", "bare", "--no-metadata"]).exit_code == 0
    assert cli.invoke(blendgan, blend, catch_exceptions=False).exit_code == 0
    assert (elsewhere / "full/seed0003.png").read_bytes() == downloads["explore:Picture"]
    assert (elsewhere / "bare/seed0003.png").read_bytes() == shown[-1][1].pictures[0]
    assert (elsewhere / "blend.safetensors").read_bytes() == downloads["explore:Blended model"]
    (elsewhere / "recipe.yaml").write_bytes(downloads["explore:Recipe"])
    again = ["generate", "--blend", "recipe.yaml", *generate[3:], "--outdir", "again"]
    assert cli.invoke(blendgan, again, catch_exceptions=False).exit_code == 0
    assert (elsewhere / "again/seed0003.png").read_bytes() == downloads["explore:Picture"]
