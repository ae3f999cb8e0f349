"""A blend stands under the conditions of all of its inputs."""

from __future__ import annotations

import pytest

from blendgan.licences import strictest


@pytest.mark.parametrize(
    ("licences", "result"),
    [
        (["CC BY 4.0", "CC BY-SA 4.0"], "CC BY-SA 4.0"),
        (["CC-BY-SA-4.0", "CC-BY-4.0"], "CC-BY-SA-4.0"),
        (["CC0-1.0", "CC BY 4.0"], "CC BY 4.0"),
        (["CC BY 4.0", "CC BY 4.0"], "CC BY 4.0"),
        ([None, None], None),
        ([None, "CC BY-SA 4.0"], "CC BY-SA 4.0 AND unstated"),
        (["CC BY-NC 4.0", "CC BY 4.0"], "CC BY 4.0 AND CC BY-NC 4.0"),
        (["Mine", "Mine"], "Mine"),
    ],
)
def test_the_strictest_licence_holds(licences, result):
    assert strictest(licences) == result
    if result is None or " AND " not in result:
        assert strictest(licences[::-1]) == result
