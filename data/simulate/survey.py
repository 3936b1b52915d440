"""When the simulated survey observes a star, and how precisely.

The numbers in `quoted_error`, `expose` and `draw_schedule` were read off public ZTF light curves: quoted errors and the
scatter of single exposures as a function of magnitude, the share of stars that an exposure detects, nights between
visits and visits a night.
"""

from functools import cache

import numpy as np
from shapes import FIRST_NIGHT, LAST_NIGHT

BANDS = ("g", "r", "i")
SATURATION = 12.0  # mag
MIN_EPOCHS = 60
SAME_VISIT = 30 / 1440  # days; a reader may keep one epoch of each visit only
WORST_ERROR = 0.2  # mag; a star is not detected beyond

# Clear nights from one visit to the next: shares of 1, 2, 3, ... The public survey comes every third night, the dense
# northern and Galactic ones every night and often twice, i every fourth.
_RHYTHM = {
    "public": [0.15, 0.14, 0.31, 0.14, 0.08, 0.06, 0.04, 0.03, 0.02, 0.03],
    "dense": [0.67, 0.11, 0.14, 0.04, 0.02, 0.02],
    "i": [0.05, 0.04, 0.07, 0.55, 0.15, 0.08, 0.04, 0.02],
}


def draw_position(scale, rng):
    """Return right ascension, declination and galactic latitude (degrees) inside the survey's footprint."""
    # Rows are the galactic axes in equatorial coordinates (J2000).
    axes = np.array([[-0.0549, -0.8734, -0.4838], [0.4941, -0.4448, 0.7470], [-0.8677, -0.1981, 0.4560]])
    while True:
        height = rng.uniform(-1, 1) if scale >= 90 else np.sin(np.radians(rng.laplace(0, scale)))
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(1 - height**2)
        x, y, z = np.array([radius * np.cos(angle), radius * np.sin(angle), height]) @ axes
        dec = np.degrees(np.arcsin(np.clip(z, -1, 1)))
        if -28 < dec < 80:
            return np.degrees(np.arctan2(y, x)) % 360, dec, np.degrees(np.arcsin(height))


def find_pointing(ra, dec):
    """Return field, CCD and quadrant on a grid like ZTF's: fields of 7 degrees, 4 x 4 CCDs of 2 x 2 quadrants."""
    rows = np.arange(-31.0, 84.0, 7.0)
    columns = np.ceil(360 * np.cos(np.radians(rows + 3.5)) / 7.0).astype(int)
    row = int((dec - rows[0]) // 7.0)
    column, x = divmod(ra / 360 * columns[row], 1)
    y = (dec - rows[row]) / 7.0
    field = 245 + int(columns[:row].sum() + column)
    return field, 1 + int(4 * x) + 4 * int(4 * y), 1 + int(8 * x % 2) + 2 * int(8 * y % 2)


@cache
def _list_clear_nights():
    """Return the nights (MJD) of good weather: one sky over Palomar for all stars, with runs of lost nights."""
    rng = np.random.default_rng(FIRST_NIGHT)
    nights = np.arange(FIRST_NIGHT, LAST_NIGHT)
    clear = np.repeat(rng.random(len(nights)) < 0.76, rng.geometric(0.3, len(nights)))[: len(nights)]
    clear[480:486] = clear[1015:1030] = False  # repairs of the camera
    return nights[clear]


def _moon(times):
    """Return the illuminated share of the moon; it was new on MJD 58194.55."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * (times - 58194.55) / 29.5306)


def _draw_visits(ra, dec, band, dense, rng):
    """Return the times (MJD) of the visits to one field in one band."""
    nights = _list_clear_nights()
    sun = 360 * (nights - 58197.7) / 365.25
    east = (ra - sun) % 360 - 180  # degrees east of the meridian at midnight
    season = 180 - np.abs(east) > np.interp(dec, [-27, 0, 80], [97, 61, 13])  # low stars need a good hour of night
    if BANDS[band] == "i":
        season &= _moon(nights) < 0.8
    nights, east = nights[season], east[season]
    shares = _RHYTHM["i" if BANDS[band] == "i" else "dense" if dense else "public"]
    visited = np.cumsum(1 + rng.choice(len(shares), len(nights), p=shares))
    visited = visited[visited < len(nights)]
    # Fields are taken near the meridian, which ties the time of night to the season and makes daily aliases.
    hour = np.clip(east[visited] / 360, -0.17, 0.17) + rng.normal(0, 0.045, len(visited))
    first = nights[visited] + 0.33 + np.clip(hour, -0.21, 0.21)
    repeats = rng.poisson(0.75 if dense and BANDS[band] != "i" else 0.02, len(first))
    wait = rng.uniform(25, 60, len(first)) / 1440
    return np.concatenate([(first + k * wait)[repeats >= k] for k in range(4)])


def draw_schedule(place, rng):
    """Return all visits to a star, sorted by time.

    Parameters
    ----------
    place : tuple of float
        Right ascension, declination and galactic latitude (degrees): the north is visited more densely, the plane in
        some nights without a break.
    rng : numpy.random.Generator

    Returns
    -------
    times : ndarray, shape (n,)
        MJD (days).
    curve : ndarray of int, shape (n,)
        The light curve that each visit belongs to.
    bands : list of int
        Band number of each light curve.
    """
    ra, dec, latitude = place
    dense = rng.random() < np.interp(dec, [0, 60], [0.2, 0.7])
    plan = [0, 1]
    if rng.random() < 0.35:
        plan.append(2)
    if rng.random() < 0.15:  # the overlap of two fields
        plan.append(1)
    blocks = [_draw_visits(ra, dec, band, dense, rng) for band in plan]
    if rng.random() < (0.5 if abs(latitude) < 10 else 0.15):  # a few nights of continuous observation
        runs = [np.arange(1, 41) * rng.uniform(1, 4) / 1440 for _ in range(rng.integers(1, 4))]
        blocks[1] = np.concatenate([blocks[1], *(rng.choice(blocks[1]) + run for run in runs)])
    times = np.concatenate(blocks)
    curve = np.repeat(np.arange(len(plan)), [len(block) for block in blocks])
    order = np.argsort(times, kind="stable")
    return times[order], curve[order], plan


def quoted_error(mag, shallow=0.0, floor=0.0105, bend=2.0):
    """Return the typical error (mag) that ZTF's pipeline quotes: a floor, photon noise, sky noise, and saturation.

    Fitted to the public epochs of 209 stars (0.012 at 15 mag, 0.024 at 18, 0.095 at 20) and of a poor field.

    Parameters
    ----------
    mag : array-like
    shallow : float
        How much brighter (mag) the noise of the sky is than in a good field.
    floor : float
    bend : float
        Quoted errors of faint stars fall behind the noise of the sky, as detections are the bright excursions; with 0
        it is the noise itself.
    """
    photons, sky = 0.012 * 10 ** (0.2 * (mag - 18)), 0.11 * 10 ** (0.4 * (mag + shallow - 20))
    saturating = 0.8 * floor * 10 ** (0.2 * (12.5 - mag))
    return np.sqrt(floor**2 + photons**2 + (sky / (1 + bend * sky)) ** 2 + saturating**2)


def expose(times, mags, shallow, rng):
    """Return the measured magnitudes of one light curve.

    Parameters
    ----------
    times, mags : ndarray, shape (n,)
        MJD and true magnitudes.
    shallow : float
        How much less deep (mag) the field is than a good one.
    rng : numpy.random.Generator

    Returns
    -------
    measured, err : ndarray, shape (n,)
        Magnitudes and quoted errors.
    good : ndarray of bool, shape (n,)
        Whether the star was detected and not saturated.
    """
    n = len(times)
    floor = 0.0105 * 10 ** (0.16 * shallow)  # poor fields are so for bright stars too
    # Every exposure has another quality: clouds and moonlight cost depth, seeing blurs bright and faint stars.
    seeing = rng.standard_normal(n)
    lost = shallow + rng.normal(-0.28, 0.41, n) + 0.13 * seeing + rng.exponential(0.17, n) + 0.28 * _moon(times) ** 2
    true_error = 0.8 * quoted_error(mags, lost, floor, 0.0) * rng.lognormal(0, 0.08) * np.exp(0.28 * seeing)
    # The noise is in the flux; of faint stars, bad nights keep those alone that it makes brighter.
    flux = 1 + true_error * rng.standard_normal(n)
    detected = flux > 4.5 * true_error
    measured = mags + rng.normal(0, 0.01, n) - 2.5 * np.log10(np.maximum(flux, 0.01))
    # The pipeline quotes an error by magnitude and field, not by the quality of the night.
    quoted = quoted_error(measured, shallow, floor)
    err = np.minimum(quoted, WORST_ERROR + 0.01 * rng.standard_normal(n)) * rng.lognormal(0, 0.001, n)
    good = detected & (quoted < 1.15 * WORST_ERROR) & (err > 0) & (measured > SATURATION)
    return measured, err, good
