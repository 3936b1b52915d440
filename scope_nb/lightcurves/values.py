"""Values as people hold them: with masks, units, sentinels, and times of any kind; here they become plain numbers."""

import sys
import warnings

import numpy as np
import pandas as pd

MJD = 2400000.5  # the Julian date of MJD 0
UNIX = 40587  # the MJD of 1 January 1970
YEARS = (15_000, 90_000)  # MJD from 1899 to 2105: where the time of an observation lies
CENTURY = 36_525  # days
LARGEST_MAG, LARGEST_ERR = 50, 9  # beyond, numbers such as 99.99, 100 and -999 stand for "missing"
SENTINELS = (99.0, 99.9, 99.99, 99.999, 99.9999, 100.0, 999.0, 999.9, 999.99, 999.999, 9999.0, 9999.9, 9999.99)
OURS = ("d", "mag", "nJy", "deg")  # the units that values are held in
PRECISE = 1e-3  # days: a time that is less precise than that shifts the phase of short periods
USELESS = 0.1  # days


def as_floats(values, unit=""):
    """Return an array-like as float64: what is masked or missing becomes NaN, an astropy quantity is given in `unit`.

    Times of astropy and of NumPy become MJD. What cannot be converted is a `ValueError`.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return np.ascontiguousarray(values)
    try:
        if "astropy.units" in sys.modules:  # else nobody can hold anything of it
            values = _without_units(values, unit)
        if isinstance(values, np.ma.MaskedArray):
            values = values.astype(float).filled(np.nan)
        if not isinstance(values, np.ndarray) or values.dtype == object:
            values = pd.Series(values) if isinstance(values, pd.Series) else pd.Series(list(values))
            if pd.api.types.is_datetime64_any_dtype(values):
                values = pd.to_datetime(values, utc=True).dt.tz_localize(None).to_numpy()
            else:
                values = values.to_numpy(float, na_value=np.nan)
        if values.dtype.kind == "M":
            return mjd_of_dates(values)
        if values.dtype.kind == "m":
            return values / np.timedelta64(1, "D")
        return np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"these values cannot be made numbers{f' in {unit}' if unit else ''}: {error}") from error


def _without_units(values, unit):
    """Return a Time, a Quantity or a Column of astropy as a NumPy array, masked where it is."""
    from astropy.table import Column
    from astropy.time import Time, TimeDelta
    from astropy.units import MagUnit, Quantity
    from astropy.utils.masked import Masked

    if isinstance(values, Time):
        values = values.mjd
    elif isinstance(values, TimeDelta):
        values = values.to("d")
    factor = 1.0
    if isinstance(values, Quantity | Column) and values.unit is not None and unit:
        factor = 1.0 if isinstance(values.unit, MagUnit) else values.unit.to(unit)
    if isinstance(values, Masked):
        values = np.ma.MaskedArray(np.asarray(values.unmasked), np.asarray(values.mask))
    elif isinstance(values, Column):
        values = np.ma.asarray(values) if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
    elif isinstance(values, Quantity):
        values = values.value
    return values if factor == 1.0 else values * factor


def our_unit(values):
    """Return the unit in which the kit holds what an astropy object measures; its own unit where there is none of ours.

    Of plain numbers it is "".
    """
    if "astropy.units" not in sys.modules:
        return ""
    from astropy import units
    from astropy.time import Time, TimeDelta

    if isinstance(values, Time | TimeDelta):
        return "d"
    unit = getattr(values, "unit", None)
    if unit is None or isinstance(unit, units.MagUnit):
        return "" if unit is None else "mag"
    return next((ours for ours in OURS if units.Unit(unit).is_equivalent(ours)), str(unit))


def mjd_of_dates(dates):
    """Return NumPy dates (UTC) as MJD, a missing one as NaN."""
    days = (dates.astype("datetime64[us]") - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    return days + UNIX


def as_mjd(time, name="time", zero=None, single=False):
    """Return times in days as MJD, and whether they certainly are.

    Julian dates are told by their size, other times by `zero`, the Julian date of their 0, where it makes them a time
    from 1899 to 2105. Those that are neither are returned as they are. `check_times` is done; times that have 64 bits
    now but had 32 once are warned of, too, and so are times that span more than a century.
    """
    finite = time[np.isfinite(time)]
    check_times(time, name, single or _were_single(finite))
    if finite.size and np.ptp(finite) > CENTURY:
        span = f"{np.ptp(finite) / 365.25:,.0f} years ({finite.min():.10g} to {finite.max():.10g})"
        warnings.warn(f"{name} spans {span}: is it in days?", stacklevel=3)
    julian = (time > MJD + YEARS[0]) & (time < MJD + YEARS[1])
    shifts = [0.0] if zero is None or julian.any() else [zero - MJD, 0.0]
    time = np.where(julian, time - MJD, time)
    finite = time[np.isfinite(time)]
    for shift in shifts:
        if finite.size == 0 or (finite.min() + shift > YEARS[0] and finite.max() + shift < YEARS[1]):
            return time + shift, True
    return time, False


def check_times(time, name="time", single=False):
    """Refuse float64 times that are no days; of those stored with 32 bits (`single`) say how precise they are."""
    largest = np.abs(time[np.isfinite(time)]).max(initial=0.0)
    if largest > 1e7:
        raise ValueError(f"{name} reaches {largest:.10g}, which are no days{_guess_unit(largest)}")
    precision = float(np.spacing(np.float32(largest)))
    if single and precision > PRECISE:
        text = f"{name} was stored as float32: its times are good to {precision:.2g} d only"
        if precision > USELESS:
            raise ValueError(f"{text}, too coarse for any period; take them from the source as float64, or as MJD")
        warnings.warn(text, stacklevel=3)


def _guess_unit(largest):
    """Return in words what times that are no days may be, and how they become days."""
    for unit, per_day in (("seconds", 86400), ("milliseconds", 86.4e6), ("microseconds", 86.4e9)):
        if YEARS[0] < largest / per_day + UNIX < YEARS[1]:
            return f" but perhaps {unit} since 1970: divide by {per_day:g} and add {UNIX} to make them MJD"
        if YEARS[0] < largest / per_day < MJD + YEARS[1]:
            return f" but perhaps {unit}: divide by {per_day:g}"
    if YEARS[0] < largest / 86.4e12 + UNIX < YEARS[1]:
        return " but perhaps time stamps in nanoseconds: pandas.to_datetime makes them dates, which are read"
    return ""


def _were_single(time):
    """Return whether all of some float64 times are numbers that a float32 can hold, though not in regular steps."""
    if time.size == 0 or np.abs(time).max() < 4096 or not np.array_equal(time, time.astype(np.float32)):
        return False
    return len(np.unique(time % 1)) > (2 if time[0] > YEARS[1] else 8)  # of a Julian date four fractions are left


def are_magnitudes(mag):
    """Return whether most of some numbers can be magnitudes; fluxes are mostly larger."""
    size = np.abs(mag[np.isfinite(mag)])
    return size.size == 0 or np.median(size) <= LARGEST_MAG


def are_sentinels(mag):
    """Return where a magnitude is one of the numbers that stand for a missing one in public tables, as 99.99 does."""
    return are_magnitudes(mag) & np.isin(np.abs(mag), SENTINELS)


def unusable(time, mag, err, sentinels=True):
    """Return three boolean arrays: where the time, the magnitude and the error of an epoch cannot be used.

    They are not finite, an error not positive, a magnitude is one of the `SENTINELS`; or, with `sentinels`, any number
    that stands for "missing": magnitudes beyond 50 (unless most are, which then are fluxes), errors of 9 and more.
    """
    bad_mag, bad_err = ~np.isfinite(mag) | are_sentinels(mag), ~(np.isfinite(err) & (err > 0))
    if sentinels and are_magnitudes(mag):
        bad_mag, bad_err = bad_mag | (np.abs(mag) > LARGEST_MAG), bad_err | (err >= LARGEST_ERR)
    return ~np.isfinite(time), bad_mag, bad_err


# what `unusable` finds, in its order
PROBLEMS = (
    "time is not finite",
    f"magnitude is NaN or infinite, or beyond {LARGEST_MAG} and so stands for a missing one",
    f"error is not a positive number below {LARGEST_ERR} mag",
)
