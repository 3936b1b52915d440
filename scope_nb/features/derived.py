"""Features that follow from stored columns: shapes that do not turn with the origin of time, colours, luminosity."""

import numpy as np
import pandas as pd

from ..taxonomy import CATALOGUES, base_name, dmdt_edges
from .dmdt import stacked
from .fourier import MAX_HARMONICS

# name -> the two magnitudes whose difference it is
COLOURS = {
    "Gaia_bp_rp": ("Gaia_EDR3__phot_bp_mean_mag", "Gaia_EDR3__phot_rp_mean_mag"),
    "Gaia_bp_g": ("Gaia_EDR3__phot_bp_mean_mag", "Gaia_EDR3__phot_g_mean_mag"),
    "PS1_g_r": ("PS1_DR1__gMeanPSFMag", "PS1_DR1__rMeanPSFMag"),
    "PS1_r_i": ("PS1_DR1__rMeanPSFMag", "PS1_DR1__iMeanPSFMag"),
    "PS1_i_z": ("PS1_DR1__iMeanPSFMag", "PS1_DR1__zMeanPSFMag"),
    "PS1_z_y": ("PS1_DR1__zMeanPSFMag", "PS1_DR1__yMeanPSFMag"),
    "AllWISE_w1_w2": ("AllWISE__w1mpro", "AllWISE__w2mpro"),
    "AllWISE_w2_w3": ("AllWISE__w2mpro", "AllWISE__w3mpro"),
    "AllWISE_w3_w4": ("AllWISE__w3mpro", "AllWISE__w4mpro"),
    "Gaia_g_w1": ("Gaia_EDR3__phot_g_mean_mag", "AllWISE__w1mpro"),
    "PS1_y_w1": ("PS1_DR1__yMeanPSFMag", "AllWISE__w1mpro"),
}


WESENHEIT = 1.9  # G - 1.9 (BP - RP) is free of extinction (Ripepi et al. 2019, A&A 625, A14)


SEARCHES = ("ELS", "ECE", "EAOV")


HARMONICS = tuple(range(2, MAX_HARMONICS + 1))


PHASES = 64  # at which the fitted curve is looked at; its fifth harmonic needs more than ten


LAGS = (1.0, 3.5, 10.0, 30.0, 90.0, 240.0, 2000.0)  # days; each is an edge of dmdt


CHANGES = tuple(f"growth_{lag:g}d" for lag in LAGS[1:])


def sources(columns, suffix):
    """Return the further columns, beside the features `columns`, that `derived_features` makes use of.

    They are the periods and significances of the other searches, if the features hold those of `suffix`, and dmdt, or
    what `changes` made of it.
    """
    stems = [stem for stem in ("period", "significance") if f"{stem}_{suffix}" in columns]
    return [f"{stem}_{other}" for stem in stems for other in SEARCHES if other != suffix] + ["dmdt", *CHANGES]


def derived_features(table, suffix="ELS_ECE_EAOV"):
    """Return the features that follow from the columns at hand; what lacks its columns is left out.

    Parameters
    ----------
    table : pandas.DataFrame, shape (n, ...)
        Stored columns with SCoPe's names. A catalogue value of exactly 0 is a missing match.
    suffix : str
        The period search of the Fourier columns and of `log_period`.

    Returns
    -------
    pandas.DataFrame of float32, shape (n, m)
        With the suffix, of the Fourier series sum_k R_k cos(k x + phi_k): `R_1` (mag) and the ratios `R_21` to `R_51`,
        0 beyond the fitted harmonics; `cos_phi_21`, `sin_phi_21`, ..., the phase differences phi_k - k phi_1 (Simon &
        Lee 1981, ApJ 248, 291), NaN beyond them; `fit_range` (mag) and so on, what the curve looks like, see
        `_fitted_curve`; `log_period` (days). Without it: `period_ECE_to_own` and so on, decades between the period of
        another search and this one; `periods_agreeing`, how many of those are within 1 %; `significance_ELS_to_ECE`
        and so on, ratios; `growth_3.5d` and so on, how changes grow with time, see `changes`; colours (mag);
        `Gaia_abs_mag` and `Gaia_abs_mag_error` (mag), for positive parallaxes and without extinction; `Gaia_abl` =
        10^(0.2 M_G), which negative parallaxes have too (Arenou & Luri 1999, ASP Conf. 167, 13); both also of the
        Wesenheit magnitude, which extinction does not change.
    """
    known = changes(_images(table["dmdt"])) if "dmdt" in table else table[[c for c in CHANGES if c in table]]
    table = table[[c for c in table if pd.api.types.is_numeric_dtype(table[c])]]
    parts = {**_shapes(table, suffix), **_searches(table, suffix), **_colours(table), **_luminosity(table), **known}
    frame = pd.DataFrame({name: np.asarray(values, np.float32) for name, values in parts.items()}, index=table.index)
    return frame.where(np.isfinite(frame))


def unit(name):
    """Return the unit of a derived feature, "" where it has none."""
    stem = base_name(name)
    if stem.startswith("log_period"):
        return "log10 day"
    magnitude = stem in ("R_1", "fit_range", *COLOURS) or stem.startswith("Gaia_abs_mag")
    return "mag" if magnitude else ""


def _images(column, rows=10_000):
    """Yield the histograms of a column, some rows at a time."""
    for start in range(0, len(column), rows):
        yield stacked(column.iloc[start : start + rows], "the table")


def _value(table, name):
    """Return a column as floats; catalogue zeros are missing."""
    values = table[name].to_numpy(float, na_value=np.nan)
    return np.where(values == 0, np.nan, values) if name.startswith(CATALOGUES) else values


def _shapes(table, suffix):
    """R_1, R_k / R_1 and phi_k - k phi_1 from the coefficients of cos and sin."""
    names = [("f1_amp", "f1_phi0"), *((f"f1_relamp{k - 1}", f"f1_relphi{k - 1}") for k in HARMONICS)]
    names = [[f"{name}_{suffix}" for name in pair] for pair in names]
    if not {name for pair in names for name in pair} <= set(table):
        return {}
    pairs = np.array([[_value(table, name) for name in pair] for pair in names])
    found, polar = _plain_shapes(pairs, suffix), _is_polar(pairs)
    if not polar.any():
        return found
    other = _polar_shapes(pairs, suffix)
    return {name: np.where(polar, other[name], values) for name, values in found.items()}


def _is_polar(pairs):
    """Tell the rows of SCoPe's newer feature files, which store R_1, phi_1, the ratios R_k / R_1 and phases of 0 to 1.

    Where nothing was fitted, their ratios are 0 / 0. Else all harmonics have a phase, those with a ratio of 0 too.
    Where all five were fitted a row alone does not tell: nothing is negative, but so it is in 3 % of such rows of
    plain coefficients. There the other rows of the table decide.
    """
    (first, _), ratio, phase = pairs[0], pairs[1:, 0], pairs[1:, 1]
    fitted = (first > 0) & ((ratio >= 0) & (phase > 0) & (phase < 1)).all(axis=0)
    sure = fitted & (ratio == 0).any(axis=0)
    return (fitted & sure.any()) | ((first == 0) & np.isnan(ratio[0]))


def _plain_shapes(pairs, suffix):
    """The shapes from plain coefficients, shape (harmonics, 2, n)."""
    a, b = np.nan_to_num(pairs).swapaxes(0, 1)
    radius, angle = np.hypot(a, b), np.arctan2(-b, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(radius[0] > 0, radius / radius[0], np.nan)
    found = {f"R_1_{suffix}": radius[0]}
    for k in HARMONICS:
        phase = np.where(radius[k - 1] > 0, angle[k - 1] - k * angle[0], np.nan)
        found |= {f"R_{k}1_{suffix}": ratio[k - 1]}
        found |= {f"cos_phi_{k}1_{suffix}": np.cos(phase), f"sin_phi_{k}1_{suffix}": np.sin(phase)}
    turned = angle - np.arange(1, MAX_HARMONICS + 1)[:, None] * angle[0]
    return found | {f"{name}_{suffix}": values for name, values in _fitted_curve(radius, turned).items()}


def _fitted_curve(radius, phase):
    """What the fitted curve looks like, the sum of radius_k cos(k x + phase_k), both of shape (harmonics, n).

    `fit_range` (mag); `fit_skew` and `fit_kurtosis` over the phases; `fit_minima`, how many there are; of the second
    deepest one `fit_second_depth` (relative to the deepest) and `fit_second_phase` (periods between the two), NaN
    where there is one only; `fit_rise`, the share of the period from faintest to brightest; `fit_faint`, the share
    spent fainter than midway. Trees find these hard to learn from coefficients: they tell eclipses of unequal depth,
    ellipsoidal variables and sawtooths.
    """
    x = 2 * np.pi * np.outer(np.arange(1, len(radius) + 1), np.arange(PHASES) / PHASES)
    mag = (radius * np.cos(phase)).T @ np.cos(x) - (radius * np.sin(phase)).T @ np.sin(x)  # its mean is 0
    faintest, brightest = mag.argmax(axis=1), mag.argmin(axis=1)
    low, high = mag.min(axis=1), mag.max(axis=1)  # larger is fainter
    minima = (mag > np.roll(mag, 1, axis=1)) & (mag >= np.roll(mag, -1, axis=1))
    others = np.where(minima, mag, -np.inf)
    others[np.arange(len(mag)), faintest] = -np.inf
    apart = np.abs(others.argmax(axis=1) - faintest)
    square = (mag**2).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "fit_range": high - low,
            "fit_skew": (mag**3).mean(axis=1) / square**1.5,
            "fit_kurtosis": (mag**4).mean(axis=1) / square**2,
            "fit_minima": minima.sum(axis=1),
            "fit_second_depth": (others.max(axis=1) - low) / (high - low),
            "fit_second_phase": np.where(minima.sum(axis=1) > 1, np.minimum(apart, PHASES - apart) / PHASES, np.nan),
            "fit_rise": (brightest - faintest) % PHASES / PHASES,
            "fit_faint": (mag > (low + high)[:, None] / 2).mean(axis=1),
        }
    return {name: np.where(high > low, values, np.nan) for name, values in found.items()}


def _polar_shapes(pairs, suffix):
    """The same from SCoPe's newer feature files; their phases follow another convention and are left missing."""
    found = {f"R_1_{suffix}": pairs[0][0]}
    for k, (ratio, _) in zip(HARMONICS, pairs[1:], strict=True):
        missing = np.full(len(ratio), np.nan)
        found |= {f"R_{k}1_{suffix}": ratio, f"cos_phi_{k}1_{suffix}": missing, f"sin_phi_{k}1_{suffix}": missing}
    unknown = _fitted_curve(*np.full((2, MAX_HARMONICS, len(missing)), np.nan))
    return found | {f"{name}_{suffix}": values for name, values in unknown.items()}


def changes(blocks):
    """Tell how changes grow with time, from dmdt: ratios of the structure function at successive time lags.

    Where a star varies at random or slowly, magnitudes further apart in time differ more. The structure function itself
    says no more than the amplitudes that are there, and on Catalina's periodic stars trees do worse with it.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray, each of shape (m, 26, 26)

    Returns
    -------
    pandas.DataFrame of float32, shape (n, 6)
        `growth_3.5d`, `growth_10d`, ... `growth_2000d`: the root mean square of the magnitude differences of epochs
        that are at most so far apart, but further than the lag before, in units of that at the lag before (the first
        one is up to 1 day). NaN without such pairs.
    """
    dm, dt = dmdt_edges()
    middle, lag = (dm[1:] + dm[:-1]) / 2, np.searchsorted(LAGS, dt[1:])
    powers = np.stack([np.outer(middle**power, lag == k) for power in (0, 2) for k in range(len(LAGS))])
    sums = [block.reshape(len(block), -1) @ powers.reshape(len(powers), -1).T.astype(block.dtype) for block in blocks]
    n, square = np.hsplit(np.concatenate(sums), 2) if sums else np.empty((2, 0, len(LAGS)))
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.sqrt(square / n)
        growth = change[:, 1:] / change[:, :-1]
    return pd.DataFrame(growth.astype(np.float32), columns=list(CHANGES))


def _searches(table, suffix):
    """The period and what the searches make of it."""
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        if f"period_{suffix}" in table:
            own = np.log10(_value(table, f"period_{suffix}"))
            found[f"log_period_{suffix}"] = own
            others = [s for s in SEARCHES if s != suffix and f"period_{s}" in table]
            apart = {s: np.log10(_value(table, f"period_{s}")) - own for s in others}
            found |= {f"period_{s}_to_own": difference for s, difference in apart.items()}
            if apart:  # within 1 %
                found["periods_agreeing"] = sum((np.abs(d) < np.log10(1.01)).astype(float) for d in apart.values())
        if f"significance_{suffix}" in table:
            there = [s for s in SEARCHES if f"significance_{s}" in table]
            for i, first in enumerate(there):
                for second in there[i + 1 :]:
                    ratio = _value(table, f"significance_{first}") / _value(table, f"significance_{second}")
                    found[f"significance_{first}_to_{second}"] = ratio
    return found


def _colours(table):
    there = {name: pair for name, pair in COLOURS.items() if set(pair) <= set(table)}
    return {name: _value(table, blue) - _value(table, red) for name, (blue, red) in there.items()}


def _luminosity(table):
    """Absolute magnitudes from the parallax (mas); their error is that of the parallax."""
    names = ["Gaia_EDR3__phot_g_mean_mag", "Gaia_EDR3__parallax", "Gaia_EDR3__parallax_error"]
    if not set(names) <= set(table):
        return {}
    mag, parallax, error = (_value(table, name) for name in names)
    positive = np.where(parallax > 0, parallax, np.nan)
    magnitudes = {"": mag}
    if set(COLOURS["Gaia_bp_rp"]) <= set(table):
        blue, red = (_value(table, name) for name in COLOURS["Gaia_bp_rp"])
        magnitudes["_wesenheit"] = mag - WESENHEIT * (blue - red)
    found = {"Gaia_abs_mag_error": 5 / np.log(10) * error / positive}
    for name, value in magnitudes.items():
        found |= {f"Gaia_abs_mag{name}": value + 5 * np.log10(positive) - 10}
        found |= {f"Gaia_abl{name}": parallax * 10 ** (0.2 * value - 2)}
    return found
