"""From light curves to the training table: statistics, periods, Fourier series, dmdt."""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST_EPOCHS
from ..lightcurves.values import as_floats
from ..periods.search import find_periods
from ..taxonomy import PERIOD_SUFFIXES, defaults
from .dmdt import dmdt_histogram
from .fourier import FOURIER_COLUMNS, fourier_features
from .statistics import Statistics, light_curve_statistics


def light_curve_features(time, mag, err, max_freq=None, oversampling=None):
    """Return the 22 statistics, 17 features for each of the four period suffixes, and `dmdt` (26 x 26), as a dict.

    See `periods.find_periods` for the parameters and errors.
    """
    results = find_periods(time, mag, err, max_freq, oversampling)  # refuses what cannot be used
    time, mag, err = as_floats(time, "d"), as_floats(mag, "mag"), as_floats(err, "mag")
    row = light_curve_statistics(time, mag, err)
    for suffix, result in results.items():
        columns = {"period": result.period, "significance": result.significance, "pdot": 0.0}
        columns |= fourier_features(time, mag, err, result.period)
        row |= {f"{name}_{suffix}": value for name, value in columns.items()}
    return row | {"dmdt": dmdt_histogram(time, mag)}


def featurize(light_curves, max_freq=None, oversampling=None, min_epochs=None, n_jobs=-1, progress=True):
    """Turn cleaned light curves into a training table, `n_jobs` at a time (-1: as many as there are cores).

    See `periods.find_periods` for `max_freq` and `oversampling`; `min_epochs` is the fewest epochs allowed (50).

    Returns
    -------
    pandas.DataFrame
        One row per light curve: the columns of `light_curves.meta`, then the features with SCoPe's names, then `dmdt`
        (26 x 26 views of one float32 array). A row depends on its light curve alone. A `ValueError` names the first
        light curve that has too few epochs, equal times throughout, or unusable values.
    """
    _check_batch(light_curves, defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs)
    tasks = (delayed(light_curve_features)(c.time, c.mag, c.err, max_freq, oversampling) for c in light_curves)
    rows = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
    rows = list(tqdm(rows, total=len(light_curves), unit="light curve", disable=not progress))
    block = np.stack([row.pop("dmdt") for row in rows])
    meta = light_curves.meta.drop(columns=feature_names(), errors="ignore")
    table = pd.concat([meta, pd.DataFrame(rows, columns=feature_names(), index=meta.index)], axis=1)
    table["dmdt"] = pd.Series(list(block), index=meta.index, dtype=object)
    return table


def feature_names():
    """Return the names of the columns that `featurize` computes, dmdt apart."""
    periodic = ("period", "significance", "pdot", *FOURIER_COLUMNS)
    return [*Statistics._fields, *(f"{name}_{suffix}" for suffix in PERIOD_SUFFIXES for name in periodic)]


def _check_batch(light_curves, min_epochs):
    """Refuse what the features of a light curve cannot be made of, before hours are spent on the others."""
    if len(light_curves) == 0:
        raise ValueError("there are no light curves")
    light_curves.check()
    names = light_curves.meta["_id"]
    min_epochs = max(min_epochs, FEWEST_EPOCHS)
    short = light_curves.n_epochs < min_epochs
    if short.any():
        first = np.argmax(short)
        raise ValueError(
            f"{short.sum()} of {len(light_curves)} light curves have fewer than {min_epochs} epochs, first row {first} "
            f"(_id {names[first]}) with {light_curves.n_epochs[first]}; `long_enough()` leaves them out"
        )
    for i, curve in enumerate(light_curves):
        steps = np.diff(curve.time)
        if not (steps > 0).all():
            problem = "all times equal" if not steps.any() else "times that are not sorted or not distinct"
            raise ValueError(f"light curve {i} (_id {names[i]}) has {problem}; `clean()` sorts and drops duplicates")
