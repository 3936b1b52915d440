"""Features of one's own: functions of a light curve that return named numbers become columns of the training table."""

import inspect
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm


def extra_features(light_curves, functions, taken=(), n_jobs=-1, progress=True):
    """Return what functions of a light curve give, with one row for each of the `LightCurves`.

    Parameters
    ----------
    functions : callable or list of callable
        One with a single required parameter gets a `LightCurve`; any other gets time (days), magnitude and error, as
        float64 arrays of shape (n,). It returns numbers by name, as a dict, a NamedTuple or a Series, or a single
        number, which takes the function's name; the names are the same for every light curve.
    taken : iterable of str
        Names that the functions may not give.

    Returns
    -------
    pandas.DataFrame of float64, shape (n, m)
        Missing or infinite numbers are NaN. A function that fails, or returns something else, is a `ValueError` that
        names function and light curve.
    """
    functions = [functions] if callable(functions) else list(functions)
    calls = [_call_of(function) for function in functions]
    taken, frames = set(taken), [pd.DataFrame(index=range(len(light_curves)))]
    for name, call in zip(map(_name_of, functions), calls, strict=True):
        first = _row_of(call, name, light_curves[0], 0)
        _check_names(first, name, taken)
        taken |= set(first)
        tasks = (delayed(_row_of)(call, name, curve, i, first) for i, curve in enumerate(light_curves))
        rows = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks)
        rows = tqdm(rows, total=len(light_curves), unit="light curve", desc=name, disable=not progress)
        frames.append(pd.DataFrame(list(rows)))
    return pd.concat(frames, axis=1)


def _call_of(function):
    """Return a function of a copy of a light curve that calls `function` with what it takes."""
    if not callable(function):
        raise ValueError(f"extra holds {function!r}, which is no function")
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise ValueError(
            f"{_name_of(function)} does not show its parameters: write a function(time, mag, err) that calls it"
        ) from error
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in signature.parameters.values() if p.default is p.empty and p.kind in positional]
    if len(required) == 1:
        return function
    try:
        signature.bind("time", "mag", "err")
    except TypeError as error:
        raise ValueError(
            f"{_name_of(function)}{signature} is a function neither of a light curve, with one parameter, nor of "
            "(time, mag, err)"
        ) from error
    if {p.name for p in required} == {"time", "mag", "err"}:  # in whatever order
        return lambda curve: function(time=curve.time, mag=curve.mag, err=curve.err)
    return lambda curve: function(curve.time, curve.mag, curve.err)


def _name_of(function):
    return getattr(function, "__name__", type(function).__name__)


def _row_of(call, name, curve, i, first=None):
    """Return the numbers of light curve `i` by name; `first` are those of the first one."""
    arrays = {part: np.array(getattr(curve, part), float) for part in ("time", "mag", "err")}  # copies: they may change
    try:
        values = call(replace(curve, **arrays))
        if isinstance(values, tuple) and hasattr(values, "_asdict"):  # a NamedTuple
            values = values._asdict()
        values = dict(values) if isinstance(values, Mapping | pd.Series) else {name: values}
        row = {key: _as_number(key, value) for key, value in values.items()}
        if first is not None and set(row) != set(first):
            raise ValueError(f"names must be the same for every light curve, not differ in {set(row) ^ set(first)}")
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise ValueError(f"{name} failed for light curve {i} (_id {curve.info['_id']}): {problem}") from error
    return row


def _as_number(name, value):
    """Return a value as a float; what is missing or infinite is NaN."""
    if value is None or value is pd.NA or np.ma.is_masked(value):
        return np.nan
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "biuf":
        raise TypeError(f"{name!r} is {value!r}, which is no number")
    return float(number) if np.isfinite(number) else np.nan


def _check_names(row, name, taken):
    """Refuse names that are no text, or those of other columns."""
    if not row:
        raise ValueError(f"{name} gives no number")
    for column in row:
        if not isinstance(column, str) or not column.strip():
            raise ValueError(f"{name} gives the name {column!r}: the name of a feature is text")
        if column in taken:
            raise ValueError(f"{name} gives the name {column!r}, which another column has: choose another one")
