"""The embedded survey: labelled, ZTF-like light curves whose true class and period are known.

`kinds` says what a star does; this module decides when it is seen, how well, what catalogues say of it and how
people would vote.
"""

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from .kinds import FIRST_NIGHT, KINDS, LAST_NIGHT, LOCUS_GI, TEACHING_MIX
from .lightcurves import FILTERS, LightCurves
from .taxonomy import labels as label_names
from .taxonomy import unknown

BANDS = ("g", "r", "i")
SATURATION, FAINT_LIMIT = 12.5, 20.8  # mag
MIN_EPOCHS = 60
SAME_VISIT = 30 / 1440  # days; a reader may keep one epoch of each visit only

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


def _position(scale, rng):
    """Right ascension, declination and galactic latitude (degrees) inside the survey's footprint."""
    # Rows are the galactic axes in equatorial coordinates (J2000).
    axes = np.array([[-0.0549, -0.8734, -0.4838], [0.4941, -0.4448, 0.7470], [-0.8677, -0.1981, 0.4560]])
    while True:
        height = rng.uniform(-1, 1) if scale >= 90 else np.sin(np.radians(rng.laplace(0, scale)))
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(1 - height**2)
        x, y, z = np.array([radius * np.cos(angle), radius * np.sin(angle), height]) @ axes
        dec = np.degrees(np.arcsin(np.clip(z, -1, 1)))
        if -28 < dec < 80:
            return np.degrees(np.arctan2(y, x)) % 360, dec, np.degrees(np.arcsin(height))


def _pointing(ra, dec):
    """Field, CCD and quadrant on a grid like ZTF's: fields of 7 degrees, 4 x 4 CCDs of 2 x 2 quadrants."""
    rows = np.arange(-31.0, 84.0, 7.0)
    columns = np.ceil(360 * np.cos(np.radians(rows + 3.5)) / 7.0).astype(int)
    row = int((dec - rows[0]) // 7.0)
    column, x = divmod(ra / 360 * columns[row], 1)
    y = (dec - rows[row]) / 7.0
    field = 245 + int(columns[:row].sum() + column)
    return field, 1 + int(4 * x) + 4 * int(4 * y), 1 + int(8 * x % 2) + 2 * int(8 * y % 2)


@cache
def _clear_nights():
    """Nights (MJD) of good weather: one sky over Palomar for all stars, with runs of lost nights."""
    rng = np.random.default_rng(FIRST_NIGHT)
    nights = np.arange(FIRST_NIGHT, LAST_NIGHT)
    clear = np.repeat(rng.random(len(nights)) < 0.76, rng.geometric(0.3, len(nights)))[: len(nights)]
    clear[480:486] = clear[1015:1030] = False  # repairs of the camera
    return nights[clear]


def _moon(times):
    """Illuminated share of the moon; it was new on MJD 58194.55."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * (times - 58194.55) / 29.5306)


def _epochs(ra, dec, rate, band, rng):
    """Times (MJD) of one field in one band, with `rate` visits per clear night in season."""
    nights = _clear_nights()
    sun = 360 * (nights - 58197.7) / 365.25
    east = (ra - sun) % 360 - 180  # degrees east of the meridian at midnight
    chosen = (180 - np.abs(east) > 61 - 0.6 * dec) & (rng.random(len(nights)) < rate)
    if BANDS[band] == "i":
        chosen &= _moon(nights) < 0.8
    # Fields are taken near the meridian, which ties the time of night to the season and makes daily aliases.
    hour = np.clip(east[chosen] / 360, -0.17, 0.17) + rng.normal(0, 0.045, chosen.sum())
    return nights[chosen] + 0.33 + np.clip(hour, -0.21, 0.21)


def _schedule(ra, dec, rng):
    """All visits to a star, sorted by time.

    Returns
    -------
    times : ndarray, shape (n,)
        MJD (days).
    curve : ndarray of int, shape (n,)
        The light curve that each visit belongs to.
    bands : list of int
        Band number of each light curve.
    """
    pace = np.clip(rng.lognormal(0, 0.35), 0.4, 2.2)
    plan = [(0, 0.30), (1, 0.37)]
    if rng.random() < 0.35:
        plan.append((2, 0.21))
    if rng.random() < 0.15:  # the overlap of two fields
        plan.append((1, 0.28))
    blocks = [_epochs(ra, dec, min(0.95, rate * pace), band, rng) for band, rate in plan]
    if rng.random() < 0.12:  # a few nights of continuous observation
        runs = [np.arange(1, 41) * rng.uniform(1, 4) / 1440 for _ in range(rng.integers(1, 4))]
        blocks[1] = np.concatenate([blocks[1], *(rng.choice(blocks[1]) + run for run in runs)])
    times = np.concatenate(blocks)
    curve = np.repeat(np.arange(len(plan)), [len(block) for block in blocks])
    order = np.argsort(times, kind="stable")
    return times[order], curve[order], [band for band, _ in plan]


def _expose(times, mags, rng):
    """Measured magnitudes, their errors (mag), and whether the star was detected and not saturated.

    Errors follow photon noise, sky noise and a floor: 0.011 at 14 mag, 0.2 near the limit.
    """
    n = len(times)
    # Clouds, seeing and moonlight cost depth (mag).
    depth = mags + np.abs(rng.normal(0, 0.3, n)) + 0.5 * _moon(times) ** 2
    sky, photons = 0.17 * 10 ** (0.4 * (depth - FAINT_LIMIT)), 0.07 * 10 ** (0.2 * (depth - FAINT_LIMIT))
    err = np.sqrt(0.010**2 + sky**2 + photons**2)
    noise = err * rng.lognormal(0, 0.12) * rng.standard_normal(n)  # quoted errors are a little off, per field
    wild = rng.random(n) < 0.004
    noise[wild] += rng.normal(0, 1, wild.sum()) * (0.05 + 6 * err[wild])
    measured = mags + noise
    return measured, err, (measured > SATURATION) & (depth + noise < FAINT_LIMIT)


def _distance(mag, abs_mag, latitude):
    """Distance (kpc) and reddening E(B - V) that give a star its apparent r magnitude.

    The dust is a plane layer of 120 pc scale height with 0.8 mag of r extinction per kpc (Parenago 1940).
    """
    grid = np.logspace(-2, 7, 400)
    height = np.abs(np.sin(np.radians(latitude))) + 1e-3
    extinction = 0.8 * 0.12 / height * (1 - np.exp(-grid * height / 0.12))
    distance = np.interp(mag, abs_mag + 5 * np.log10(grid) + 10 + extinction, grid)
    return distance, np.interp(distance, grid, extinction) / _EXTINCTION["r"]


def _mean_mags(star, mag, reddening):
    """Apparent magnitudes of a star in the bands of ZTF, PS1, Gaia and WISE W1, from its mean r magnitude."""
    locus = {name: np.interp(star.colour, LOCUS_GI, values) for name, values in _LOCUS.items()}
    mags = {"g": mag + locus["g-r"], "r": mag, "i": mag + locus["g-r"] - star.colour}
    mags["z"] = mags["i"] - locus["i-z"]
    mags["y"] = mags["z"] - locus["z-y"]
    mags |= {band: mag + locus[f"{band}-r"] for band in ("G", "BP", "RP")}
    mags["W1"] = mag - locus["r-W1"] - 2.2 * star.dust
    return {b: m + (_EXTINCTION[b] - _EXTINCTION["r"]) * reddening for b, m in mags.items()}


def _wise(mags, dust, rng):
    """AllWISE columns, dust after Wright et al. (2010); a magnitude at the limit has no error."""
    w1 = mags["W1"] + rng.normal(0, 0.1)
    true = w1 - np.cumsum([0.0, 0.8 * dust, 0.05 + 2.4 * dust, 0.1 + 2.2 * dust])
    true[1:] += rng.normal(0, 0.05, 3)
    limits = rng.normal([17.6, 16.9, 12.2, 8.8], 0.25)
    found = w1 < limits[0] and rng.random() < 0.82
    row = {}
    for band, (m, limit) in enumerate(zip(true, limits, strict=True), start=1):
        err = 0.022 + 0.2 * 10 ** (0.4 * (m - limit))
        row[f"AllWISE__w{band}mpro"] = min(m, limit) * found
        row[f"AllWISE__w{band}sigmpro"] = err * (found and m < limit)
    return row


def _gaia(mags, distance, speed, rng):
    """Gaia EDR3 columns; errors after Lindegren et al. (2021), motion from a velocity scatter (km/s)."""
    error = np.interp(mags["G"], [13, 15, 17, 18, 19, 20, 21], [0.016, 0.024, 0.07, 0.12, 0.24, 0.52, 1.3])
    error *= rng.lognormal(0, 0.15)
    found = mags["G"] < 20.9 and rng.random() < 0.98
    solved = found and rng.random() < 0.985  # the others have two parameters only
    motion = rng.normal(0, speed / (4.74 * distance), 2) + rng.normal(0, error, 2)
    faint = 10 ** (0.4 * (np.array([mags["BP"], mags["RP"]]) - 21.5))
    bp, rp = np.array([mags["BP"], mags["RP"]]) + rng.normal(0, 0.005 + 0.3 * faint)
    excess = 1.16 + 0.05 * abs(bp - rp) + rng.exponential(0.02 + 0.5 * faint[0])
    noisy = rng.random() < 0.45
    return {
        "Gaia_EDR3__astrometric_excess_noise": found * noisy * rng.exponential(3 * error),
        "Gaia_EDR3__parallax": solved * (1 / distance + rng.normal(0, error)),
        "Gaia_EDR3__parallax_error": solved * error,
        "Gaia_EDR3__phot_bp_mean_mag": found * bp,
        "Gaia_EDR3__phot_bp_rp_excess_factor": found * excess,
        "Gaia_EDR3__phot_g_mean_mag": found * (mags["G"] + rng.normal(0, 0.01)),
        "Gaia_EDR3__phot_rp_mean_mag": found * rp,
        "Gaia_EDR3__pmdec": solved * motion[0],
        "Gaia_EDR3__pmdec_error": solved * error * 0.95,
        "Gaia_EDR3__pmra": solved * motion[1],
        "Gaia_EDR3__pmra_error": solved * error * 1.04,
    }


def _ps1(mags, rng):
    """PS1 DR1 mean PSF magnitudes and their errors, each band with its own gaps."""
    row = {}
    found = rng.random() < 0.99
    for band, limit in (("g", 22.0), ("r", 21.8), ("i", 21.5), ("z", 20.9), ("y", 19.7)):
        err = 0.004 + 0.1 * 10 ** (0.35 * (mags[band] - limit)) + rng.exponential(0.006)
        seen = found and mags[band] < limit + 1 and rng.random() < 0.992
        row[f"PS1_DR1__{band}MeanPSFMag"] = seen * (mags[band] + rng.normal(0, err))
        row[f"PS1_DR1__{band}MeanPSFMagErr"] = seen * err
    return row


def _alerts(offsets, errors, spurious, rng):
    """Number of ZTF alerts and their mean real-bogus score: epochs that differ by more than five errors."""
    changed = np.count_nonzero(np.abs(offsets - np.median(offsets)) > 5 * errors)
    count = rng.binomial(changed, 0.8) + (rng.poisson(2.0) if rng.random() < 0.3 else 0)
    score = rng.beta(2.5, 4.0) if spurious else rng.beta(12.0, 2.0)
    return {"n_ztf_alerts": int(count), "mean_ztf_alert_braai": score * (count > 0)}


def _votes(star, clarity, n_curves, rng):
    """Vote shares of a star's light curves.

    Parameters
    ----------
    star : Star
    clarity : float
        Range of the variation in units of three errors; below 1 people begin to miss it.
    n_curves : int
        Number of light curves, each judged on its own but from the same plot.

    Returns
    -------
    list of dict
        Label -> share of the votes: 0, 0.25, 0.5, 0.75 or 1.
    """
    base = dict.fromkeys(label_names(), 0.0)
    agreed, own = 1.0, list(star.labels)
    if "variable" in own and rng.random() > 1.5 * clarity:
        agreed, base["non-variable"] = (0.5, 0.5) if clarity > 0.25 else (0.25, 0.75)
    if "periodic" in own and rng.random() < 0.015:
        base["wrong period"] = 1.0
    rows = []
    for _ in range(n_curves):
        doubt = rng.choice([0.0, 0.25, 0.5], len(own), p=[0.93, 0.055, 0.015])
        # Doubt about a parent is doubt about its children; only a forgotten tag breaks that.
        shares = np.minimum.accumulate(np.maximum(agreed - doubt, 0.0))
        shares[rng.random(len(own)) < 0.004] = 0.0
        stray = {str(rng.choice(list(base))): 0.25} if rng.random() < 0.1 else {}
        rows.append(base | stray | dict(zip(own, shares.tolist(), strict=True)))
    return rows


def _observe(star, mean, times, curve, bands, rng):
    """Expose all light curves of a star; those with enough visits are kept.

    Returns
    -------
    list of tuple
        Number of the light curve, its times, magnitudes and errors, and the true offsets.
    """
    kept = []
    for number, band in enumerate(bands):
        mine = curve == number
        t, offsets = times[mine], star.offsets[band, mine]
        zero_point = rng.normal(0, 0.008)  # differs between fields
        mag, err, good = _expose(t, mean[BANDS[band]] + zero_point + offsets, rng)
        visits = np.count_nonzero(np.diff(t[good], prepend=-np.inf) > SAME_VISIT)
        if visits >= MIN_EPOCHS:
            kept.append((number, t[good], mag[good], err[good], offsets[good]))
    return kept


def _catalogue(star, kind, mean, distance, curves, rng):
    """Columns that are the same for all light curves of a star."""
    offsets, errors = (np.concatenate([c[k] for c in curves]) for k in (4, 3))
    speed = 150.0 if kind.latitude >= 90 else 40.0  # km/s, halo and disc
    return {
        **_alerts(offsets, errors, "bogus" in star.labels, rng),
        **_wise(mean, star.dust, rng),
        **_gaia(mean, distance, speed, rng),
        **_ps1(mean, rng),
    }


def _make_star(number, weights, rng):
    """One star: rows of the table, its light curves (times, magnitudes, errors) and the truth."""
    name = str(rng.choice(list(weights), p=list(weights.values())))
    kind = KINDS[name]
    for _ in range(200):  # a star too faint or too far south for enough epochs is replaced
        ra, dec, latitude = _position(kind.latitude, rng)
        times, curve, bands = _schedule(ra, dec, rng)
        star = kind.make(times, rng)
        mag = np.clip(rng.normal(*kind.mag), 13.0, 20.3)
        distance, reddening = _distance(mag, star.abs_mag, latitude)
        mean = _mean_mags(star, mag, reddening)
        if curves := _observe(star, mean, times, curve, bands, rng):
            break
    else:
        raise RuntimeError(f"no star of kind {name!r} can be observed often enough: is it too faint?")
    _, _, _, err, offsets = curves[0]
    clarity = np.ptp(np.percentile(offsets, [0.5, 99.5])) / (3 * np.median(err))
    votes = _votes(star, clarity, len(curves), rng)
    shared = _catalogue(star, kind, mean, distance, curves, rng)
    place = {"obj_id": f"sim{number:06d}", "ra": ra, "dec": dec}
    field, ccd, quad = _pointing(ra, dec)
    rows = []
    for (k, *_), vote in zip(curves, votes, strict=True):
        band = BANDS[bands[k]]
        seen = {"band": band, "filter": FILTERS[band], "field": field, "ccd": ccd, "quad": quad}
        if band in [BANDS[b] for b in bands[:k]]:  # the neighbouring field has it on the opposite edge
            seen |= {"field": field + 1, "ccd": 17 - ccd, "quad": 5 - quad}
        rows.append({"_id": 10 * number + k, **place, **seen, **vote, **shared})
    truth = {**place, "kind": name, "period": star.period, "amplitude": np.ptp(star.offsets[1])}
    return rows, [c[1:4] for c in curves], truth


def _weights(mix):
    """Normalised weights of the kinds."""
    mix = TEACHING_MIX if mix is None else mix
    for name in mix:
        if name not in KINDS:
            raise unknown("kind", name, KINDS)
    total = sum(mix.values())
    if total <= 0 or min(mix.values()) < 0:
        raise ValueError(f"the weights of mix cannot be negative or all zero: {dict(mix)}")
    return {name: weight / total for name, weight in mix.items()}


def simulate(n_stars=1200, seed=0, mix=None):
    """Make labelled light curves of a survey like ZTF.

    Star i depends on `seed`, `mix` and i alone, not on `n_stars`.

    Parameters
    ----------
    n_stars : int
        Number of stars; each has one to four light curves.
    seed : int
        Entropy of the random generators.
    mix : dict, optional
        Kind -> relative weight, with the kinds of `KINDS`; `TEACHING_MIX` by default.

    Returns
    -------
    light_curves : LightCurves
        Their `meta` holds the 53 labels as vote shares and the catalogue columns, where 0 means no match.
    truth : pandas.DataFrame
        One row per star: `obj_id`, `kind`, `period` (days, NaN if aperiodic), `amplitude` (mag, range of the
        true r-band variation at the epochs of the survey), `ra`, `dec` (degrees).

    Raises
    ------
    ValueError
        If `mix` names an unknown kind or has no positive weight.
    """
    if n_stars < 1:
        raise ValueError(f"n_stars must be at least 1, not {n_stars}")
    weights = _weights(mix)
    seeds = np.random.SeedSequence(seed).spawn(n_stars)
    progress = enumerate(tqdm(seeds, desc="stars", delay=3))
    stars = [_make_star(number, weights, np.random.default_rng(child)) for number, child in progress]
    rows, curves, truth = zip(*stars, strict=True)
    time, mag, err = zip(*(c for star in curves for c in star), strict=True)
    light_curves = LightCurves.from_lists(pd.DataFrame([r for star in rows for r in star]), time, mag, err)
    columns = ["obj_id", "kind", "period", "amplitude", "ra", "dec"]
    return light_curves, pd.DataFrame(list(truth))[columns]


def main(arguments=None):
    """Write a simulated survey: light curves, training table and truth."""
    from .data import split_place, write_parquet
    from .features import featurize
    from .lightcurves import write_lightcurves

    parser = argparse.ArgumentParser(prog="python -m scope_nb.simulate", description=main.__doc__)
    parser.add_argument("--stars", type=int, default=1200, help="number of stars (default 1200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the three files")
    parser.add_argument("--prefix", default="", help='put before the file names, for example "sample_"')
    parser.add_argument("--keep", type=int, help="write the light curves of so many stars, test stars first (all)")
    given = parser.parse_args(arguments)
    curves, truth = simulate(given.stars, given.seed)
    print(f"{len(truth)} stars, {len(curves)} light curves, {len(curves.time)} epochs")
    kept = truth["obj_id"].iloc[np.argsort(split_place(truth["obj_id"]))[: given.keep]]
    write_lightcurves(curves.select(curves.meta["obj_id"].isin(kept)), given.out / f"{given.prefix}lightcurves.parquet")
    write_parquet(truth, given.out / f"{given.prefix}truth.parquet")
    table = featurize(curves.clean())
    table.attrs = {"simulated": True, "stars": given.stars, "seed": given.seed}
    write_parquet(table, given.out / f"{given.prefix}training_set.parquet")


if __name__ == "__main__":
    main()
