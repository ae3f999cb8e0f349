from __future__ import annotations

import math

import pytest
import torch

from blendgan.dfi.editing import Edit, Edited, Settings, edit_picture
from blendgan.dfi.features import space_about
from blendgan.dfi.reverse import Solver
from blendgan.dfi.sets import PictureSet, read_set
from stylegan2.errors import InputError

QUICK = Settings(solver=Solver(25))


def edited(*arguments, **named) -> Edited:
    *_, result = edit_picture(*arguments, **named)
    assert isinstance(result, Edited)
    return result


@pytest.fixture
def pair(sets):
    return tuple(read_set(each) for each in sets)


def test_alpha_0_gives_the_photo_back(features, picture, pair):
    """Whatever the way back spoils is its own artefact; without its removal the photo is another."""
    result = edited(features, picture(50), [Edit(*pair, 0.0)], QUICK)
    torch.testing.assert_close(result.picture, picture(50), rtol=0, atol=1e-5)
    kept = edited(features, picture(50), [Edit(*pair, 0.0)], Settings(solver=Solver(25), remove_artefacts=False))
    assert float((kept.picture - picture(50)).abs().max()) > 0.02


def test_features_move_by_alpha(features, picture, pair):
    """Along w, by about the length of the step; 0.4 and, the other way, -0.4."""
    photo = picture(50)
    settings = Settings(solver=Solver(100, variation=0.0), match_colours=False, remove_artefacts=False)
    space, moves = space_about(features, photo), []
    for alpha in (0.4, -0.4):
        result = edited(features, photo, [Edit(*pair, alpha)], settings)
        (direction,) = result.directions
        moves.append(float(((space.of(result.picture) - space.of(photo))[0] * direction.unit).mean()))
        assert float((result.picture - photo).abs().max()) > 0.05
    assert 0.1 < moves[0] <= 0.41  # not every set of features is a picture's
    assert -0.41 <= moves[1] < -0.1


def test_nothing_changes_outside_the_mask(features, picture, pair):
    photo, mask = picture(50), torch.zeros(1, 1, 32, 32)
    mask[..., 8:14, 4:28] = 1
    mask[..., 15, :] = 0.5
    free = edited(features, photo, [Edit(*pair, 0.4)], QUICK).picture
    result = edited(features, photo, [Edit(*pair, 0.4)], QUICK, mask).picture
    assert torch.equal(result.where(mask == 0, 9), photo.where(mask == 0, 9))
    torch.testing.assert_close(result[..., 8:14, 4:28], free[..., 8:14, 4:28])
    torch.testing.assert_close(result[..., 15, :], (free + photo)[..., 15, :] / 2)
    assert float((free - photo)[..., 20:, :].abs().max()) > 0.02


def test_in_turn(features, picture, pair):
    """Two edits are the second, made on what the first gave."""
    first, second = Edit(*pair, 0.4), Edit(*pair[::-1], 0.2)
    both = edited(features, picture(50), [first, second], QUICK)
    alone = edited(features, picture(50), [first], QUICK).picture
    after = edited(features, alone, [second], QUICK)
    assert torch.equal(both.picture, after.picture)
    assert len(both.directions) == 2
    assert not torch.equal(both.picture, alone)


def test_a_hole_is_filled(features, picture, pair):
    """What was in the hole does not count; what is around it stays, to the bit."""
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:14, 4:28] = 1
    photo, other = picture(50), picture(50)
    other[..., 8:14, 4:28] = 0.7
    fill = [Edit(None, pair[1], 1.6)]
    results = [edited(features, each, fill, QUICK, mask).picture for each in (photo, other)]
    assert torch.equal(*results)
    assert torch.equal(results[0].where(mask == 0, 9), photo.where(mask == 0, 9))
    assert float(results[0][..., 8:14, 4:28].mean()) < -0.1  # all of the set have a dark bar there; the hole was grey


def test_the_photo_is_not_its_own_neighbour(features, picture, pair):
    photo = pair[1].files[0]
    result = edited(features, picture(10), [Edit(*pair, 0.4)], QUICK, file=photo)
    assert photo in pair[1].files
    assert photo not in result.directions[0].target
    assert len(result.directions[0].target) == 4


def test_units(features, picture, pair):
    """In that of the sets 1 goes from mean to mean: the same step, said in the photo's."""
    one = edited(features, picture(50), [Edit(*pair, 1.0, "sets")], QUICK)
    (direction,) = one.directions
    same = edited(features, picture(50), [Edit(*pair, direction.length)], QUICK)
    assert torch.equal(one.picture, same.picture)
    assert not 0.9 < direction.length < 1.1
    with pytest.raises(InputError, match="unit: found 'px', expected one of photo, sets"):
        Edit(*pair, 1.0, "px")


@pytest.mark.parametrize("alpha", [math.nan, math.inf, -101.0])
def test_bad_alphas(alpha, tmp_path):
    with pytest.raises(InputError, match=f"alpha: found {alpha:g}, expected a number of at most 100 either way"):
        Edit(None, PictureSet("set", (tmp_path,)), alpha)


def test_bad_orders(features, picture, pair):
    for edits, settings, mask, line in [
        ([Edit(None, pair[1], 1.6)], QUICK, None, "inpaint: found no mask, expected one, white where"),
        ([Edit(*pair, 0.4)], Settings(neighbours=6), None, "plain: found 5 pictures .*, expected at least 6"),
    ]:
        with pytest.raises(InputError, match=line):
            edited(features, picture(50), edits, settings, mask)
    with pytest.raises(InputError, match="size: found 30 x 32 px, expected multiples of 8, at least 8, for pico"):
        edited(features, picture(50)[..., :30], [Edit(*pair, 0.4)], QUICK)
    with pytest.raises(InputError, match="k: found 0, expected at least 1 neighbour"):
        Settings(neighbours=0)
