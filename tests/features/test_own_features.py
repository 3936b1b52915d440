"""Features of one's own, and light curves cut in time, and what is made of them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from scope_nb import Dataset, featurize, plots
from scope_nb.features import feature_names
from scope_nb.lightcurves import LightCurves
from scope_nb.taxonomy import feature_columns


def curves(seeds=(1, 2, 3), epochs=60):
    time, mag, err = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        time.append(np.sort(rng.uniform(58200 + seed, 58500, epochs)))
        err.append(rng.uniform(0.02, 0.05, epochs))
        mag.append(16 + 0.3 * np.cos(2 * np.pi * time[-1] / (0.3 + 0.1 * seed)) + err[-1] * rng.standard_normal(epochs))
    return LightCurves.from_lists(pd.DataFrame({"_id": seeds, "band": "g"}), time, mag, err)


class Spread(NamedTuple):
    full: float
    half: float | None


def spread(time, mag, err):
    mag.sort()  # a copy, so that this spoils nothing
    return Spread(mag[-1] - mag[0], None if len(mag) % 2 else np.float32(mag[45] - mag[15]))


def brightest(time, mag, err=None):
    return mag.min()


def of_curve(curve, scale=2.0, shift=0.0):
    assert curve.time.dtype == curve.mag.dtype == curve.err.dtype == np.float64
    return pd.Series({"a,b[0]<1": np.inf, "seed": scale * curve.info["_id"], "is_g": curve.info["band"] == "g"})


def test_functions_of_ones_own_become_columns():
    batch = curves()
    table = featurize(batch, max_freq=4, progress=False, extra=[spread, of_curve, brightest])
    added = ["full", "half", "a,b[0]<1", "seed", "is_g", "brightest"]
    assert list(table) == [*batch.meta, *feature_names(), *added, "dmdt"]
    expected = [
        [np.ptp(c.mag), np.subtract(*np.sort(c.mag)[[45, 15]]), np.nan, 2 * k, 1, c.mag.min()]
        for k, c in enumerate(batch, 1)
    ]
    np.testing.assert_allclose(table[added], expected, rtol=1e-6)
    plain = featurize(batch, max_freq=4, progress=False, extra=spread).drop(columns=["full", "half"])
    pd.testing.assert_frame_equal(table.drop(columns=[*added, "dmdt"]), plain.drop(columns="dmdt"))


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (
            lambda curve: {"x": 1 / (int(curve.info["_id"]) - 2)},
            r"<lambda> failed for light curve 1 \(_id 2\): ZeroDivisionError",
        ),
        (
            lambda curve: {f"x{curve.info['_id']}": 1},
            r"light curve 1 \(_id 2\): ValueError: names must be the same .*'x[12]'",
        ),
        (lambda curve: {"x": "high"}, r"light curve 0 \(_id 1\): TypeError: 'x' is 'high', which is no number"),
        (lambda curve: curve.mag, "'<lambda>' is array"),
        (lambda curve: {}, "<lambda> gives no number"),
        (lambda curve: {3: 1.0}, "gives the name 3: the name of a feature is text"),
        (lambda curve: {"skew": 1.0}, "gives the name 'skew', which another column has"),
        (lambda curve: {"band": 1.0}, "gives the name 'band', which another column has"),
        (lambda curve: {"RR Lyrae": 1.0}, "gives the name 'RR Lyrae', which another column has"),
        (brightest, "brightest gives the name 'brightest', which another column has"),
        (lambda time, mag: 1.0, "neither of a light curve, with one parameter, nor of"),
        (max, "max does not show its parameters: write a function"),
        ("median", "extra holds 'median', which is no function"),
    ],
)
def test_what_functions_get_wrong_is_named(function, problem, monkeypatch):
    monkeypatch.setattr("scope_nb.features.extract.light_curve_features", None)  # what fails, fails before hours of it
    with pytest.raises(ValueError, match=problem):
        featurize(curves((1, 2)), progress=False, extra=[brightest, function])


def test_only_the_first_days_count():
    batch = curves(epochs=80)
    last = np.array([c.time[0] + 150.0 for c in batch])
    batch.time[batch.offsets[1] + np.argmax(batch[1].time > last[1])] = last[1]  # an epoch just then is one of them
    by_hand = batch.keep_epochs(batch.time <= np.repeat(last, 80))
    pd.testing.assert_frame_equal(batch.until(150).meta, batch.meta)
    np.testing.assert_array_equal(batch.until(150).time, by_hand.time)
    cut = featurize(batch, max_freq=4, min_epochs=20, progress=False, until=150)
    pd.testing.assert_frame_equal(cut, featurize(by_hand, max_freq=4, min_epochs=20, progress=False))
    assert (cut["n"] < 60).all()
    most = by_hand.n_epochs.max()
    with pytest.warns(UserWarning, match=rf"2 of 3 light curves have fewer than {most} epochs in their first 150 days"):
        rest = featurize(batch, max_freq=4, min_epochs=most, progress=False, until=150)
    assert list(rest["_id"]) == [batch.meta["_id"][by_hand.n_epochs.argmax()]]
    with pytest.raises(
        ValueError, match=r"none of 3 light curves has 50 epochs in its first 10 days; the longest has \d"
    ):
        featurize(batch, until=10, progress=False)
    with pytest.raises(ValueError, match="until is 0"):
        featurize(batch, until=0, progress=False)


def test_sets_and_own_columns_go_together(table):
    table = table.assign(mine=1.5)
    X = Dataset.read(table, "rrlyr", features=["light curve", "mine", "wstd"], dmdt=False, derived=False).X
    assert list(X) == [*feature_columns("light curve"), "mine"]
    with pytest.raises(ValueError, match="lacks 1 of the columns needed: none"):
        Dataset.read(table, "rrlyr", features=["light curve", "none"])
    with pytest.raises(ValueError, match="unknown feature set"):
        Dataset.read(table, "rrlyr", features="mine")


def test_plots_take_features_without_unit(table):
    ax = plots.feature_by_label(table.assign(**{"p[5]": table["wstd"]}), "p[5]", ["RR Lyrae", "eclipsing"])
    assert "p[5]" in ax.get_xlabel()
    assert plots.with_unit("p[5]") == "p[5]"
    html = plots.explained({"p<5": 1.5, "wstd": 0.25}).to_html()
    assert "p&lt;5" in html and "weighted standard deviation" in html and "nan" not in html
