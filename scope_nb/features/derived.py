"""Features that follow from stored columns: shapes that do not turn with the origin of time, colours, luminosity."""

from itertools import chain, combinations

import numpy as np
import pandas as pd

from ..taxonomy import CATALOGUES, dmdt_edges
from .dmdt import stack_dmdt
from .fourier import HARMONIC_COLUMNS, MAX_HARMONICS

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
PHASES = 64  # at which the fitted curve is evaluated; its fifth harmonic needs more than ten
LAGS = (1.0, 3.5, 10.0, 30.0, 90.0, 240.0, 2000.0)  # days; each is an edge of dmdt
BLOCK = 10_000  # rows whose dmdt are looked at together
CHANGES = tuple(f"growth_{lag:g}d" for lag in LAGS[1:])


def sources(columns, suffix):
    """Return the further columns, beside the features `columns`, that `derived_features` makes use of."""
    stems = [stem for stem in ("period", "significance") if f"{stem}_{suffix}" in columns]
    return [f"{stem}_{other}" for stem in stems for other in SEARCHES if other != suffix] + ["dmdt", *CHANGES]


@np.errstate(divide="ignore", invalid="ignore")
def derived_features(table, suffix="ELS_ECE_EAOV"):
    """Return the features that follow from the stored columns of a table; one that lacks its columns is left out.

    Returns
    -------
    pandas.DataFrame of float32, shape (n, m)
        With the suffix, of the Fourier series sum_k R_k cos(k x + phi_k): `R_1` (mag) and the ratios `R_21` to `R_51`,
        0 beyond the fitted harmonics; cosine and sine of the phase differences phi_k - k phi_1 (Simon & Lee 1981, ApJ
        248, 291), NaN beyond them; `fit_...`, see `_fitted_curve`; `log_period` (days). Without it:
        `period_..._to_own`, decades from this period to that of another search, and how many are within 1 %; ratios of
        significances; `growth_...`, see `changes`; colours (mag); `Gaia_abs_mag` and its error (mag), of positive
        parallaxes and without extinction; `Gaia_abl` = 10^(0.2 M_G), which negative parallaxes have too (Arenou & Luri
        1999, ASP Conf. 167, 13); both also of the Wesenheit magnitude.
    """
    growth = table[[name for name in CHANGES if name in table]]
    if "dmdt" in table:
        growth = changes(stack_dmdt(table["dmdt"].iloc[start : start + BLOCK]) for start in range(0, len(table), BLOCK))
    table = table.select_dtypes("number")
    stored = {name: pair for name, pair in COLOURS.items() if set(pair) <= set(table)}
    colours = {name: _value(table, blue) - _value(table, red) for name, (blue, red) in stored.items()}
    columns = _shapes(table, suffix) | _searches(table, suffix) | colours | _luminosity(table) | dict(growth)
    frame = pd.DataFrame({name: np.asarray(values, np.float32) for name, values in columns.items()}, index=table.index)
    return frame.where(np.isfinite(frame))


def _value(table, name):
    """Return a column as floats; catalogue zeros are missing."""
    values = table[name].to_numpy(float, na_value=np.nan)
    return np.where(values == 0, np.nan, values) if name.startswith(CATALOGUES) else values


def _shapes(table, suffix):
    """Return amplitudes, phases and the shape of the curve from the coefficients of cosine and sine."""
    names = [[f"{name}_{suffix}" for name in pair] for pair in HARMONIC_COLUMNS]
    if not set(chain.from_iterable(names)) <= set(table):
        return {}
    pairs = np.array([[_value(table, name) for name in pair] for pair in names])
    a, b = np.nan_to_num(pairs).swapaxes(0, 1)
    radius, angle = np.hypot(a, b), np.arctan2(-b, a)
    ratio = np.where(radius[0] > 0, radius / radius[0], np.nan)
    shapes = {"R_1": radius[0]}
    for k in HARMONICS:
        phase = np.where(radius[k - 1] > 0, angle[k - 1] - k * angle[0], np.nan)
        shapes |= {f"R_{k}1": ratio[k - 1], f"cos_phi_{k}1": np.cos(phase), f"sin_phi_{k}1": np.sin(phase)}
    shapes |= _fitted_curve(radius, angle - np.arange(1, MAX_HARMONICS + 1)[:, None] * angle[0])
    polar = _is_polar(pairs)
    if polar.any():  # their phases follow another convention: what needs them is missing
        stored = {"R_1": pairs[0][0]} | {f"R_{k}1": pairs[k - 1][0] for k in HARMONICS}
        shapes = {name: np.where(polar, stored.get(name, np.nan), values) for name, values in shapes.items()}
    return {f"{name}_{suffix}": values for name, values in shapes.items()}


def _is_polar(pairs):
    """Mark the rows of SCoPe's newer feature files, which store R_1, phi_1, the ratios R_k / R_1 and phases of 0 to 1.

    Where nothing was fitted, their ratios are 0 / 0; else all harmonics have a phase, those with a ratio of 0 too.
    Where all five were fitted nothing is negative, but so it is in 3 % of such plain rows: the other rows decide.
    """
    (first, _), ratio, phase = pairs[0], pairs[1:, 0], pairs[1:, 1]
    fitted = (first > 0) & ((ratio >= 0) & (phase > 0) & (phase < 1)).all(axis=0)
    sure = fitted & (ratio == 0).any(axis=0)
    return (fitted & sure.any()) | ((first == 0) & np.isnan(ratio[0]))


def _fitted_curve(radius, phase):
    """Return the shape of the fitted curve, the sum of radius_k cos(k x + phase_k), both of shape (harmonics, n).

    Range (mag), skew and kurtosis; how many minima; depth of the second deepest (relative to the deepest) and its
    distance from that (periods), NaN without one; shares of the period from faintest to brightest, and spent fainter
    than midway. Trees hardly learn from coefficients what separates unequal eclipses, ellipsoidals and sawtooths.
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
    curve = {
        "fit_range": high - low,
        "fit_skew": (mag**3).mean(axis=1) / square**1.5,
        "fit_kurtosis": (mag**4).mean(axis=1) / square**2,
        "fit_minima": minima.sum(axis=1),
        "fit_second_depth": (others.max(axis=1) - low) / (high - low),
        "fit_second_phase": np.where(minima.sum(axis=1) > 1, np.minimum(apart, PHASES - apart) / PHASES, np.nan),
        "fit_rise": (brightest - faintest) % PHASES / PHASES,
        "fit_faint": (mag > (low + high)[:, None] / 2).mean(axis=1),
    }
    return {name: np.where(high > low, values, np.nan) for name, values in curve.items()}


@np.errstate(divide="ignore", invalid="ignore")
def changes(blocks):
    """Return how changes grow with time, shape (n, 6), from blocks of dmdt histograms, each of shape (m, 26, 26).

    `growth_3.5d` and so on are the root mean square of the magnitude differences of epochs that are at most so far
    apart, but further than the lag before, in units of that at the lag before (the first one is up to 1 day); NaN
    without such pairs. Where a star varies at random or slowly, magnitudes further apart in time differ more. The
    structure function itself says no more than the amplitudes; on Catalina's periodic stars trees do worse with it.
    """
    dm, dt = dmdt_edges()
    middle, lag = (dm[1:] + dm[:-1]) / 2, np.searchsorted(LAGS, dt[1:])
    powers = np.stack([np.outer(middle**power, lag == k) for power in (0, 2) for k in range(len(LAGS))])
    powers = powers.reshape(len(powers), -1)
    # not by @, whose last digits depend on the number of threads and on the rows beside
    sums = [np.einsum("ij,kj->ik", block.reshape(len(block), -1), powers) for block in blocks]
    n, square = np.hsplit(np.concatenate(sums), 2) if sums else np.empty((2, 0, len(LAGS)))
    change = np.sqrt(square / n)
    growth = change[:, 1:] / change[:, :-1]
    return pd.DataFrame(growth.astype(np.float32), columns=list(CHANGES))


def _searches(table, suffix):
    """Return the logarithm of the period, and how the searches compare."""
    columns = {}
    if f"period_{suffix}" in table:
        log_period = np.log10(_value(table, f"period_{suffix}"))
        others = [s for s in SEARCHES if s != suffix and f"period_{s}" in table]
        decades = {f"period_{s}_to_own": np.log10(_value(table, f"period_{s}")) - log_period for s in others}
        columns = {f"log_period_{suffix}": log_period} | decades
        if decades:  # within 1 %
            columns["periods_agreeing"] = sum((np.abs(d) < np.log10(1.01)).astype(float) for d in decades.values())
    if f"significance_{suffix}" in table:
        stored = {s: _value(table, f"significance_{s}") for s in SEARCHES if f"significance_{s}" in table}
        columns |= {f"significance_{a}_to_{b}": stored[a] / stored[b] for a, b in combinations(stored, 2)}
    return columns


def _luminosity(table):
    """Return absolute magnitudes from the parallax (mas); their error is that of the parallax."""
    names = ["Gaia_EDR3__phot_g_mean_mag", "Gaia_EDR3__parallax", "Gaia_EDR3__parallax_error"]
    if not set(names) <= set(table):
        return {}
    mag, parallax, error = (_value(table, name) for name in names)
    positive = np.where(parallax > 0, parallax, np.nan)
    magnitudes = {"": mag}
    if set(COLOURS["Gaia_bp_rp"]) <= set(table):
        blue, red = (_value(table, name) for name in COLOURS["Gaia_bp_rp"])
        magnitudes["_wesenheit"] = mag - WESENHEIT * (blue - red)
    columns = {"Gaia_abs_mag_error": 5 / np.log(10) * error / positive}
    for name, value in magnitudes.items():
        columns[f"Gaia_abs_mag{name}"] = value + 5 * np.log10(positive) - 10
        columns[f"Gaia_abl{name}"] = parallax * 10 ** (0.2 * value - 2)
    return columns
