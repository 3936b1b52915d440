"""Columns of a simulated star from Gaia EDR3, AllWISE, PS1 DR1 and ZTF's alerts. 0 stands for a missing match."""

import numpy as np
from kinds import LOCUS_GI

# Colours of normal stars against intrinsic g - i: the stellar locus of Covey et al. (2007), with Gaia and
# WISE colours after Pecaut & Mamajek (2013); ZTF and PS1 magnitudes are AB, Gaia and WISE ones Vega.
_LOCUS = {
    "g-r": (-0.48, -0.23, 0.17, 0.44, 1.08, 1.36, 1.47, 1.60),
    "i-z": (-0.32, -0.20, -0.05, 0.03, 0.22, 0.33, 0.75, 1.05),
    "z-y": (-0.15, -0.10, -0.03, 0.02, 0.10, 0.17, 0.40, 0.55),
    "G-r": (-0.25, -0.15, -0.03, 0.02, -0.10, -0.25, -0.80, -1.25),
    "BP-r": (-0.42, -0.15, 0.15, 0.34, 0.62, 0.75, 0.95, 1.20),
    "RP-r": (-0.02, -0.15, -0.29, -0.48, -0.84, -1.10, -1.85, -2.40),
    "r-W1": (-0.60, 0.15, 0.80, 1.38, 2.85, 3.70, 5.30, 6.60),
}
# Extinction per E(B - V): Schlafly & Finkbeiner (2011), Casagrande & VandenBerg (2018), Yuan et al. (2013)
_EXTINCTION = dict(g=3.17, r=2.27, i=1.68, z=1.32, y=1.09, G=2.4, BP=3.0, RP=1.75, W1=0.19)


def find_distance(mag, abs_mag, latitude):
    """Return the distance (kpc) and the reddening E(B - V) that give a star its apparent r magnitude.

    The dust is a plane layer of 120 pc scale height with 0.8 mag of r extinction per kpc (Parenago 1940).
    """
    grid = np.logspace(-2, 7, 400)
    height = np.abs(np.sin(np.radians(latitude))) + 1e-3
    extinction = 0.8 * 0.12 / height * (1 - np.exp(-grid * height / 0.12))
    distance = np.interp(mag, abs_mag + 5 * np.log10(grid) + 10 + extinction, grid)
    return distance, np.interp(distance, grid, extinction) / _EXTINCTION["r"]


def compute_mags(star, mag, reddening):
    """Return the apparent magnitudes of a star in the bands of ZTF, PS1, Gaia and WISE W1, from that in r."""
    locus = {name: np.interp(star.colour, LOCUS_GI, values) for name, values in _LOCUS.items()}
    mags = {"g": mag + locus["g-r"], "r": mag, "i": mag + locus["g-r"] - star.colour}
    mags["z"] = mags["i"] - locus["i-z"]
    mags["y"] = mags["z"] - locus["z-y"]
    mags |= {band: mag + locus[f"{band}-r"] for band in ("G", "BP", "RP")}
    mags["W1"] = mag - locus["r-W1"] - 2.2 * star.dust
    return {b: m + (_EXTINCTION[b] - _EXTINCTION["r"]) * reddening for b, m in mags.items()}


def measure_wise(mags, dust, rng):
    """Return the AllWISE columns, dust after Wright et al. (2010); a magnitude at the limit has no error."""
    w1 = mags["W1"] + rng.normal(0, 0.1)
    true = w1 - np.cumsum([0.0, 0.8 * dust, 0.05 + 2.4 * dust, 0.1 + 2.2 * dust])
    true[1:] += rng.normal(0, 0.05, 3)
    limits = rng.normal([17.6, 16.9, 12.2, 8.8], 0.25)
    matched = w1 < limits[0] and rng.random() < 0.82
    row = {}
    for band, (m, limit) in enumerate(zip(true, limits, strict=True), start=1):
        err = 0.022 + 0.2 * 10 ** (0.4 * (m - limit))
        row[f"AllWISE__w{band}mpro"] = min(m, limit) * matched
        row[f"AllWISE__w{band}sigmpro"] = err * (matched and m < limit)
    return row


def measure_gaia(mags, distance, speed, rng):
    """Return the Gaia EDR3 columns; errors after Lindegren et al. (2021), motion from a velocity scatter (km/s)."""
    error = np.interp(mags["G"], [13, 15, 17, 18, 19, 20, 21], [0.016, 0.024, 0.07, 0.12, 0.24, 0.52, 1.3])
    error *= rng.lognormal(0, 0.15)
    matched = mags["G"] < 20.9 and rng.random() < 0.98
    solved = matched and rng.random() < 0.985  # the others have two parameters only
    # Old stars lag behind the rotation of the disc, on average towards the south-west in the observed sky.
    drift = np.array([-1.1, -0.35]) * speed
    motion = rng.normal(drift, speed) / (4.74 * distance) + rng.normal(0, error, 2)
    faint = 10 ** (0.4 * (np.array([mags["BP"], mags["RP"]]) - 21.5))
    bp, rp = np.array([mags["BP"], mags["RP"]]) + rng.normal(0, 0.005 + 0.3 * faint)
    excess = 1.16 + 0.05 * abs(bp - rp) + rng.exponential(0.02 + 0.5 * faint[0])
    noisy = rng.random() < 0.45
    return {
        "Gaia_EDR3__astrometric_excess_noise": matched * noisy * rng.exponential(3 * error),
        "Gaia_EDR3__parallax": solved * (1 / distance + rng.normal(0, error)),
        "Gaia_EDR3__parallax_error": solved * error,
        "Gaia_EDR3__phot_bp_mean_mag": matched * bp,
        "Gaia_EDR3__phot_bp_rp_excess_factor": matched * excess,
        "Gaia_EDR3__phot_g_mean_mag": matched * (mags["G"] + rng.normal(0, 0.01)),
        "Gaia_EDR3__phot_rp_mean_mag": matched * rp,
        "Gaia_EDR3__pmdec": solved * motion[0],
        "Gaia_EDR3__pmdec_error": solved * error * 0.95,
        "Gaia_EDR3__pmra": solved * motion[1],
        "Gaia_EDR3__pmra_error": solved * error * 1.04,
    }


def measure_ps1(mags, rng):
    """Return PS1 DR1 mean PSF magnitudes and their errors, each band with gaps independent of the others."""
    row = {}
    matched = rng.random() < 0.99
    for band, limit in (("g", 22.0), ("r", 21.8), ("i", 21.5), ("z", 20.9), ("y", 19.7)):
        err = 0.004 + 0.1 * 10 ** (0.35 * (mags[band] - limit)) + rng.exponential(0.006)
        detected = matched and mags[band] < limit + 1 and rng.random() < 0.992
        row[f"PS1_DR1__{band}MeanPSFMag"] = detected * (mags[band] + rng.normal(0, err))
        row[f"PS1_DR1__{band}MeanPSFMagErr"] = detected * err
    return row


def count_alerts(offsets, errors, spurious, rng):
    """Return the number of ZTF alerts and their mean real-bogus score.

    An epoch makes an alert if it differs from the reference image by more than four errors; a star may be off the mean
    in the reference.
    """
    reference = rng.choice(offsets)
    changed = np.count_nonzero(np.abs(offsets - reference) > 4 * errors)
    count = rng.binomial(changed, 0.85) + (rng.poisson(rng.lognormal(1, 1.5)) if rng.random() < 0.3 else 0)
    score = rng.beta(2.5, 4.0) if spurious else rng.beta(12.0, 2.0)
    return {"n_ztf_alerts": int(count), "mean_ztf_alert_braai": score * (count > 0)}
