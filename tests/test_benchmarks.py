"""The peer of the figures is the same network; the table says what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator

ROOT = Path(__file__).resolve().parent.parent
CONFIG = GeneratorConfig(32, (8, 7, 6, 5), z_dim=8, w_dim=6, mapping_layers=2, mapping_width=8)


@pytest.fixture
def networks() -> tuple[Generator, Discriminator]:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator, discriminator = Generator(CONFIG), Discriminator(DiscriminatorConfig(32, (8, 7, 6, 5)))
        for tensor in (*generator.parameters(), *discriminator.parameters()):
            tensor.data.normal_()
    return generator.requires_grad_(False), discriminator.requires_grad_(False)


def test_the_textbook_is_an_oracle_of_both_networks(benchmark, networks) -> None:  # type: ignore[no-untyped-def]
    textbook = benchmark("textbook")
    generator, discriminator = networks
    g, d = textbook.states(generator, discriminator)
    ws = torch.randn(4, CONFIG.num_ws, 6, generator=torch.Generator().manual_seed(1))
    picture = textbook.synthesize(g, CONFIG, ws)
    benchmark("synthesis").check(generator.synthesis(ws), picture)
    with pytest.raises(AssertionError, match="pictures differ by"):
        benchmark("synthesis").check(generator.synthesis(ws) * 1.001, picture)
    logits = textbook.discriminate(d, discriminator.config, picture)
    assert logits.std() > 0
    torch.testing.assert_close(discriminator(picture), logits, rtol=1e-4, atol=1e-4 * float(logits.std()))


def test_works_are_timed_in_turn(benchmark) -> None:  # type: ignore[no-untyped-def]
    figures = benchmark("figures")
    order: list[str] = []
    taken = figures.interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3, warm_up=1)
    assert order == ["a", "b"] * 4
    assert {len(seconds.rounds) for seconds in taken.values()} == {3}
    a, b = figures.Seconds((2.0, 3.0, 8.0)), figures.Seconds((1.0, 1.0, 2.0))
    assert figures.ratio(a, b) == 3.0
    assert a.median == 3.0


def test_the_table_goes_between_the_marks_of_a_page(benchmark, tmp_path) -> None:  # type: ignore[no-untyped-def]
    main, row = benchmark("__main__"), benchmark("figures").Row
    text = main.table([row("draw", "2 img/s", "textbook 1 img/s", 2.0, "≥ 2.0"), row("fly", "not measured", "", None)])
    assert text.startswith("Measured on: ")
    assert "| draw | 2 img/s | textbook 1 img/s | 2.00 | ≥ 2.0 |\n| fly | not measured |  |  |  |" in text
    page = tmp_path / "page.md"
    page.write_text(f"before\n{main.MARKS[0]}\nold\n{main.MARKS[1]}\nafter\n", encoding="utf-8")
    main.replace_between_marks(page, text)
    assert page.read_text(encoding="utf-8") == f"before\n{main.MARKS[0]}\n\n{text}\n\n{main.MARKS[1]}\nafter\n"
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="found no marks"):
        main.replace_between_marks(page, text)


def test_the_page_of_figures_has_its_marks(benchmark) -> None:  # type: ignore[no-untyped-def]
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    first, last = benchmark("__main__").MARKS
    assert "| figure | value | beside | ratio | goal |" in text.partition(first)[2].partition(last)[0]
