"""Seeds in words, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendgan.seeds import LARGEST_SEED, parse_seeds, seeds_text
from stylegan2.errors import InputError


def test_ranges_and_numbers_keep_their_order_and_come_once():
    assert parse_seeds("4-6, 50,5", 10) == (4, 5, 6, 50)


@given(st.lists(st.integers(0, LARGEST_SEED), min_size=1, max_size=20, unique=True))
def test_the_words_of_seeds_are_read_as_these_seeds(seeds):
    assert parse_seeds(seeds_text(tuple(seeds)), 20) == tuple(seeds)


def test_words_are_short():
    assert seeds_text((0, 1, 2, 7, 9, 10)) == "0-2,7,9-10"


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "'' is no seed; expected numbers and ranges such as 0-35,50"),
        ("1,x", "'x' is no seed"),
        ("5-2", "'5-2' runs backwards; expected 2-5"),
        ("0-9", "found 10 seeds, expected at most 5"),
        (str(LARGEST_SEED + 1), "is no seed"),
        ("0-9999999999", "is no seed"),
    ],
)
def test_what_is_no_seed_is_named(text, said):
    with pytest.raises(InputError, match=said):
        parse_seeds(text, 5)
