"""From light curves to the training table: statistics, periods, Fourier series, dmdt, and features of one's own."""

import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from ..lightcurves.curves import FEWEST_EPOCHS, require_light_curves
from ..lightcurves.values import as_floats
from ..periods.search import find_periods
from ..taxonomy import PERIOD_SUFFIXES, defaults, feature_table, label_names
from .dmdt import dmdt_histogram
from .extra import extra_features
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


def featurize(
    light_curves, max_freq=None, oversampling=None, min_epochs=None, n_jobs=-1, progress=True, extra=(), until=None
):
    """Turn cleaned light curves into a training table, `n_jobs` at a time (-1: as many as there are cores).

    See `periods.find_periods` for `max_freq` and `oversampling`; `min_epochs` is the fewest epochs allowed (50).

    Parameters
    ----------
    extra : callable or list of callable
        Functions of one's own: of (time, mag, err), or with one parameter of a `LightCurve`. The numbers that they
        return by name become columns too, see `extra.extra_features`.
    until : float, optional
        Use only the epochs up to so many days after the first one of each light curve, see `LightCurves.until`. Light
        curves of which fewer than `min_epochs` epochs are left get no row, with a warning that counts them.

    Returns
    -------
    pandas.DataFrame
        One row per light curve: the columns of `light_curves.meta`, then the features with SCoPe's names, those of
        `extra`, and `dmdt` (26 x 26 views of one float32 array). A row depends on its light curve alone. A `ValueError`
        names the first light curve that has too few epochs, equal times throughout, or unusable values.
    """
    require_light_curves(light_curves)
    min_epochs = defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs
    min_epochs = max(min_epochs, FEWEST_EPOCHS)
    _check_batch(light_curves, min_epochs)
    if until is not None:
        light_curves = _cut_in_time(light_curves, until, min_epochs)
    taken = [*light_curves.meta, *feature_names(), *feature_table().index, *label_names()]
    further = extra_features(light_curves, extra, taken, n_jobs, progress)  # first: what fails, fails soon
    tasks = (delayed(light_curve_features)(c.time, c.mag, c.err, max_freq, oversampling) for c in light_curves)
    rows = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
    rows = list(tqdm(rows, total=len(light_curves), unit="light curve", disable=not progress))
    block = np.stack([row.pop("dmdt") for row in rows])
    meta = light_curves.meta.drop(columns=feature_names(), errors="ignore")
    table = pd.concat([meta, pd.DataFrame(rows, columns=feature_names(), index=meta.index), further], axis=1)
    table["dmdt"] = pd.Series(list(block), index=meta.index, dtype=object)
    return table


def feature_names():
    """Return the names of the columns that `featurize` computes, dmdt apart."""
    periodic = ("period", "significance", "pdot", *FOURIER_COLUMNS)
    return [*Statistics._fields, *(f"{name}_{suffix}" for suffix in PERIOD_SUFFIXES for name in periodic)]


def _cut_in_time(light_curves, until, min_epochs):
    """Return the light curves as they were after `until` days; those that are too short then are left out."""
    cut = light_curves.until(until)
    long = cut.long_enough(min_epochs)
    short = len(cut) - len(long)
    if len(long) == 0:
        raise ValueError(
            f"none of {len(cut)} light curves has {min_epochs} epochs in its first {until:g} days; the longest has "
            f"{cut.n_epochs.max()}. Lower min_epochs"
        )
    if short:
        warnings.warn(
            f"{short} of {len(cut)} light curves have fewer than {min_epochs} epochs in their first {until:g} days and "
            "get no row; lower min_epochs to keep more",
            stacklevel=3,
        )
    return long


def _check_batch(light_curves, min_epochs):
    """Refuse what the features of a light curve cannot be made of, before hours are spent on the others."""
    if len(light_curves) == 0:
        raise ValueError("there are no light curves")
    light_curves.check()
    names = light_curves.meta["_id"]
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
