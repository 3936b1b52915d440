"""Features that follow from stored columns: shapes that do not turn with the origin of time, colours, luminosity."""

import numpy as np
import pandas as pd

from .fourier import MAX_HARMONICS
from .taxonomy import CATALOGUES

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
SEARCHES = ("ELS", "ECE", "EAOV")
HARMONICS = tuple(range(2, MAX_HARMONICS + 1))


def sources(columns, suffix):
    """Return the further columns, beside the features `columns`, that `derived_features` makes use of.

    They are the periods and significances of the other searches, if the features hold those of `suffix`.
    """
    stems = [stem for stem in ("period", "significance") if f"{stem}_{suffix}" in columns]
    return [f"{stem}_{other}" for stem in stems for other in SEARCHES if other != suffix]


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
        `R_1` (mag) and the ratios `R_21` to `R_51`, 0 beyond the fitted harmonics. `cos_phi_21`, `sin_phi_21`, ...: the
        phase differences phi_k - k phi_1 of a series in R_k cos(k x + phi_k) (Simon & Lee 1981, ApJ 248, 291), NaN
        beyond the fitted harmonics. `log_period` (days). `period_ECE_to_own` and so on: decades between the period of
        another search and this one; `periods_agreeing`: how many of those are within 1 %. `significance_ELS_to_ECE`
        and so on: ratios. Colours (mag). `Gaia_abs_mag` and `Gaia_abs_mag_error` (mag), for positive parallaxes and
        without extinction; `Gaia_abl` = 10^(0.2 M_G), which negative parallaxes have too (Arenou & Luri 1999, ASP
        Conf. 167, 13). Shapes and `log_period` carry the suffix.
    """
    table = table[[c for c in table if pd.api.types.is_numeric_dtype(table[c])]]
    parts = {**_shapes(table, suffix), **_searches(table, suffix), **_colours(table), **_luminosity(table)}
    frame = pd.DataFrame({name: np.asarray(values, np.float32) for name, values in parts.items()}, index=table.index)
    return frame.where(np.isfinite(frame))


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
    pairs = [[_value(table, name) for name in pair] for pair in names]
    if (np.isnan(pairs[1][0]) & (pairs[0][0] == 0)).any():
        return _polar_shapes(pairs, suffix)
    a, b = (np.nan_to_num(coefficients) for coefficients in zip(*pairs, strict=True))
    radius, angle = np.hypot(a, b), np.arctan2(-b, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(radius[0] > 0, radius / radius[0], np.nan)
    found = {f"R_1_{suffix}": radius[0]}
    for k in HARMONICS:
        phase = np.where(radius[k - 1] > 0, angle[k - 1] - k * angle[0], np.nan)
        found |= {f"R_{k}1_{suffix}": ratio[k - 1]}
        found |= {f"cos_phi_{k}1_{suffix}": np.cos(phase), f"sin_phi_{k}1_{suffix}": np.sin(phase)}
    return found


def _polar_shapes(pairs, suffix):
    """The same from SCoPe's newer feature files, which store R_1 and the ratios R_k / R_1 themselves.

    They give themselves away by ratios of 0 / 0 where no harmonic was fitted. Their phases follow another convention
    and are left missing.
    """
    found = {f"R_1_{suffix}": pairs[0][0]}
    for k, (ratio, _) in zip(HARMONICS, pairs[1:], strict=True):
        missing = np.full(len(ratio), np.nan)
        found |= {f"R_{k}1_{suffix}": ratio, f"cos_phi_{k}1_{suffix}": missing, f"sin_phi_{k}1_{suffix}": missing}
    return found


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
    """Absolute G magnitude from the parallax (mas); its error is that of the parallax."""
    names = ["Gaia_EDR3__phot_g_mean_mag", "Gaia_EDR3__parallax", "Gaia_EDR3__parallax_error"]
    if not set(names) <= set(table):
        return {}
    mag, parallax, error = (_value(table, name) for name in names)
    positive = np.where(parallax > 0, parallax, np.nan)
    return {
        "Gaia_abs_mag": mag + 5 * np.log10(positive) - 10,
        "Gaia_abs_mag_error": 5 / np.log(10) * error / positive,
        "Gaia_abl": parallax * 10 ** (0.2 * mag - 2),
    }
