"""Features of one's own: functions of a light curve that return named numbers become columns of the training table."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

TRIES = 10  # light curves for which a function may fail before it gives up


@dataclass(frozen=True)
class ExtraFunction:
    """A function of one's own, called with a light curve and its row; `example` is what it gave for an early one."""

    name: str
    call: Callable  # of a light curve
    function: Callable
    example: dict

    def __call__(self, curve, row):
        return _numbers_of(self.call, self.name, curve, row, self.example)


def extra_functions(functions, light_curves, taken=(), bad="raise"):
    """Return the `ExtraFunction` of each of some functions, which are tried on the first of the `LightCurves`.

    Parameters
    ----------
    functions : callable or list of callable
        One with a single required parameter gets a `LightCurve`; any other gets time (days), magnitude and error, as
        float64 arrays of shape (n,). It returns numbers by name, as a dict, a NamedTuple or a Series, or a single
        number, which takes the function's name; the names are the same for every light curve.
    taken : iterable of str
        Names that the functions may not give.
    bad : {"raise", "list"}
        With "list" a function may fail for the first light curve, but not for all of the first ten.

    Returns
    -------
    list of ExtraFunction
        What they return are floats by name; missing or infinite numbers are NaN. A function that fails, or returns
        something else, is a `ValueError` that names function and light curve.
    """
    prepared, taken = [], set(taken)
    for function in [functions] if callable(functions) else list(functions):
        call, name = _call_of(function), _name_of(function)
        example = _first_numbers(call, name, light_curves, 1 if bad == "raise" else TRIES)
        _check_names(example, name, taken)
        taken |= set(example)
        prepared.append(ExtraFunction(name, call, function, example))
    return prepared


@contextmanager
def name_light_curve(name, curve, row):
    """Turn any error, but for a lack of memory, into a `ValueError` that says what failed for which light curve."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise ValueError(f"{name} failed for light curve {row} (_id {curve.info['_id']}): {problem}") from error


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


def _first_numbers(call, name, light_curves, tries):
    """Return the numbers of the first light curve for which a function does not fail; only so many are tried."""
    errors = []
    for row in range(min(tries, len(light_curves))):
        try:
            return _numbers_of(call, name, light_curves[row], row)
        except ValueError as error:
            errors.append(error)
    raise errors[0]


def _numbers_of(call, name, curve, row, example=None):
    """Return the numbers of a light curve by name, which are those of `example`."""
    arrays = {part: np.array(getattr(curve, part), float) for part in ("time", "mag", "err")}  # copies: they may change
    with name_light_curve(name, curve, row):
        values = call(replace(curve, **arrays))
        if isinstance(values, tuple) and hasattr(values, "_asdict"):  # a NamedTuple
            values = values._asdict()
        values = dict(values) if isinstance(values, Mapping | pd.Series) else {name: values}
        numbers = {key: _as_number(key, value) for key, value in values.items()}
        if example is not None and set(numbers) != set(example):
            odd = set(numbers) ^ set(example)
            raise ValueError(f"names must be the same for every light curve, not differ in {odd}")
    return numbers


def _as_number(name, value):
    """Return a value as a float; what is missing or infinite is NaN."""
    if value is None or value is pd.NA or np.ma.is_masked(value):
        return np.nan
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "biuf":
        raise TypeError(f"{name!r} is {value!r}, which is no number")
    return float(number) if np.isfinite(number) else np.nan


def _check_names(numbers, name, taken):
    """Refuse names that are no text, or those of other columns."""
    if not numbers:
        raise ValueError(f"{name} gives no number")
    for column in numbers:
        if not isinstance(column, str) or not column.strip():
            raise ValueError(f"{name} gives the name {column!r}: the name of a feature is text")
        if column in taken:
            raise ValueError(f"{name} gives the name {column!r}, which another column has: choose another one")
