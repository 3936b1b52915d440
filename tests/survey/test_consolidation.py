"""Stars across parts: each belongs to one part, with all of its light curves."""

import numpy as np
import pandas as pd
import pytest

from scope_nb.runs.catalogue import star_names
from scope_nb.survey import find_meeting, join_stars
from scope_nb.survey.consolidation import describe_extent


def rows_of_stars(rng, place):
    """Return light curves of stars in a small field, up to four of each, within an arcsecond of each other."""
    n = 300
    ra, dec = {"edge": (0.0, 20.0), "pole": (0.0, 89.999)}[place]
    width = {"edge": 0.01, "pole": 180.0}[place]
    ra, dec = (ra + rng.uniform(-width, width, n)) % 360, dec + rng.uniform(-5e-4, 5e-4, n) * (place == "edge")
    star = np.repeat(np.arange(n), rng.integers(1, 5, n))
    dec = np.minimum(dec[star] + rng.uniform(0, 2e-4, len(star)), 90)
    return pd.DataFrame({"_id": rng.permutation(len(star)), "ra": ra[star], "dec": dec, "star": star})


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("place", ["edge", "pole"])
def test_stars_of_all_parts_are_those_of_one_table(place, named):
    rng = np.random.default_rng(5)
    table = rows_of_stars(rng, place)
    table = table.assign(obj_id=[f"s{k}" for k in table["star"]]) if named else table
    part = np.where(rng.random(len(table)) < 0.1, rng.integers(0, 5, len(table)), table["ra"].rank() * 5 // len(table))
    parts = [table[part == k].reset_index(drop=True) for k in range(6)]
    parts = [part for part in parts if len(part)]
    meeting = find_meeting([describe_extent(part) for part in parts])
    joined = []
    for number, own in enumerate(parts):
        others = [k for k in meeting[number] if k != number]
        rows, star = join_stars(own, (parts[k] for k in others), [k < number for k in others])
        assert not set(rows["_id"]) & {name for earlier in joined for name in earlier["_id"]}
        joined.append(rows.assign(star=[f"{number} {name}" for name in star]))
    joined = pd.concat(joined).set_index("_id")
    assert len(joined) == len(table)
    whole = pd.Series(star_names(table), table["_id"]).loc[joined.index]
    assert (pd.factorize(joined["star"])[0] == pd.factorize(whole)[0]).all()


def test_parts_that_are_apart_do_not_meet():
    extents = [
        {"box": None, "names": ["a", "c"]},
        {"box": None, "names": ["c", "d"]},
        {"box": None, "names": ["e", "f"]},
        {"box": [0.0] * 6, "names": None},
        {"box": [0.0] * 3 + [1e-6] * 3, "names": None},
        {"box": [0.5] * 6, "names": None},
        {"box": None, "names": None},
    ]
    assert [list(numbers) for numbers in find_meeting(extents)] == [[0, 1], [0, 1], [2], [3, 4], [3, 4], [5], [6]]
