"""The kinds of stars in the simulated survey: one short function each, and the table of all of them.

A kind draws a star's period, amplitude, luminosity and colour, and says how it varies at given times. What the
survey makes of it is the business of `simulate`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FIRST_NIGHT, LAST_NIGHT = 58200, 60000  # MJD

# Intrinsic g - i of normal stars, and the absolute r magnitude of the main sequence there: Covey et al. (2007)
LOCUS_GI = np.array([-0.90, -0.45, 0.20, 0.55, 1.50, 2.05, 3.00, 3.80])
_DWARF_MR = np.array([-1.5, 1.0, 2.6, 4.65, 7.0, 8.3, 11.3, 14.5])


@dataclass(frozen=True)
class Star:
    """What a kind draws for one star.

    Attributes
    ----------
    labels : tuple of str
        Labels that apply, parents before children.
    offsets : ndarray, shape (3, n_times)
        Magnitude offsets in g, r and i from the star's quiescent or mean magnitude.
    abs_mag : float
        Absolute magnitude in r.
    colour : float
        Intrinsic g - i (mag).
    period : float
        Days; NaN for an aperiodic star.
    dust : float
        Warm dust seen in the infrared: 0 for a bare photosphere, 1 for a quasar.
    """

    labels: tuple[str, ...]
    offsets: np.ndarray
    abs_mag: float
    colour: float
    period: float = np.nan
    dust: float = 0.0


@dataclass(frozen=True)
class Kind:
    """One row of the table of kinds.

    Attributes
    ----------
    make : callable
        ``make(times, rng) -> Star``; times in MJD, sorted.
    stars : int
        Its share of the teaching sample, as a number of stars out of 1,200.
    mag : tuple of float
        Mean and standard deviation of the apparent r magnitude.
    latitude : float
        Scale of the galactic latitude (degrees); 90 means all over the sky.
    """

    make: Callable[[np.ndarray, np.random.Generator], Star]
    stars: int
    mag: tuple[float, float] = (17.0, 1.7)
    latitude: float = 20.0


def _lognormal(rng, middle, dex, low, high):
    """Draw a value around `middle` with a scatter of `dex`, inside [low, high]."""
    while not low <= (value := middle * 10 ** rng.normal(0.0, dex)) <= high:
        pass  # clipping instead would give many stars the very same period
    return value


def _phase(times, period, rng):
    """Phase in cycles (not wrapped) from a random zero point."""
    return (times - FIRST_NIGHT) / period + rng.random()


def _bands(curve, g, i):
    """Scale an r-band curve to the three bands, shape (3, n)."""
    return np.stack([g * curve, curve, i * curve])


def _fourier(phase, ratios, angles):
    """Cosine series of unit peak-to-peak range from the ratios R_k1 and phases phi_k1, k = 2, 3, ..."""
    grid = np.linspace(0.0, 1.0, 200)

    def series(x):
        total = np.cos(2 * np.pi * x)
        for k, (ratio, angle) in enumerate(zip(ratios, angles, strict=True), start=2):
            total = total + ratio * np.cos(2 * np.pi * k * x + angle)
        return total

    return series(phase) / np.ptp(series(grid))


def _random_walk(times, tau, sigma, rng):
    """Damped random walk (mag) with time scale `tau` (days) and scatter `sigma`; Kelly et al. (2009)."""
    keep = np.exp(-np.diff(times) / tau)
    kicks = sigma * np.sqrt(1 - keep**2) * rng.standard_normal(len(keep))
    value = sigma * rng.standard_normal()
    walk = [value]
    for factor, kick in zip(keep.tolist(), kicks.tolist(), strict=True):
        value = value * factor + kick
        walk.append(value)
    return np.array(walk)


def _since_last(times, mean_gap, rng):
    """Days since the last of a series of random events, and the number of that event."""
    n_events = int(1.2 * (LAST_NIGHT - FIRST_NIGHT) / mean_gap) + 40
    # The series starts long before the survey, so that every epoch has a predecessor.
    events = FIRST_NIGHT - 10 * mean_gap + np.cumsum(rng.gamma(3.0, mean_gap / 3.0, n_events))
    which = np.searchsorted(events, times) - 1
    return times - events[which], which


def _overlap(distance, a, b):
    """Area shared by two discs of radii `a` and `b` whose centres are `distance` apart."""
    d = np.clip(distance, abs(a - b) + 1e-9, a + b)
    angle_a = np.arccos(np.clip((d**2 + a**2 - b**2) / (2 * d * a), -1, 1))
    angle_b = np.arccos(np.clip((d**2 + b**2 - a**2) / (2 * d * b), -1, 1))
    return a**2 * (angle_a - np.sin(2 * angle_a) / 2) + b**2 * (angle_b - np.sin(2 * angle_b) / 2)


def _hidden(distance, behind, front):
    """Share of the light of the disc behind that is hidden; nested discs stand in for limb darkening."""
    shells = ((1.0, 0.55), (0.85, 0.25), (0.55, 0.20))
    total = sum(weight * shell**2 for shell, weight in shells)
    return sum(w * _overlap(distance, s * behind, front) for s, w in shells) / (np.pi * behind**2 * total)


def _binary(phase, radii, cos_i, surface, tide):
    """Eclipses of two spherical stars plus a tidal term, in g, r and i (mag, shape (3, n)).

    Parameters
    ----------
    phase : ndarray
        Cycles; the hotter star is eclipsed at 0.
    radii : tuple of float
        Radii of the hotter and the cooler star in units of their separation.
    cos_i : float
        Cosine of the inclination.
    surface : float
        Surface brightness of the cooler star relative to the hotter one, in r.
    tide : float
        Half amplitude of the ellipsoidal variation (share of the light).
    """
    x = 2 * np.pi * phase
    distance = np.hypot(np.sin(x), cos_i * np.cos(x))
    primary = np.cos(x) > 0
    hidden = np.where(primary, _hidden(distance, *radii), _hidden(distance, *radii[::-1]))
    offsets = []
    for power in (1.30, 1.00, 0.82):  # Wien's law: the contrast of two temperatures grows as 1 / wavelength
        light = np.array([radii[0] ** 2, radii[1] ** 2 * surface**power])
        light /= light.sum()
        flux = 1 - np.where(primary, light[0], light[1]) * hidden - tide * (1 - cos_i**2) * np.cos(2 * x)
        offsets.append(-2.5 * np.log10(np.maximum(flux, 0.01)))
    return np.stack(offsets)


def _dwarf(rng, low, high):
    """Absolute r magnitude and g - i of a main-sequence star between two absolute magnitudes."""
    abs_mag = rng.uniform(low, high)
    return abs_mag, float(np.interp(abs_mag, _DWARF_MR, LOCUS_GI) + rng.normal(0, 0.06))


def non_variable(times, rng):
    """Constant stars: dwarfs, with one giant in five."""
    if rng.random() < 0.2:
        abs_mag, colour = rng.normal(0.8, 0.8), rng.normal(1.05, 0.15)
    else:
        abs_mag, colour = _dwarf(rng, 2.5, 9.5)
    return Star(("non-variable",), np.zeros((3, len(times))), abs_mag, colour)


def detached(times, rng):
    """EA: detached main-sequence pair; the radii follow from Kepler's third law for two solar masses."""
    period = _lognormal(rng, 2.2, 0.35, 0.35, 40.0)
    total = float(np.clip(0.42 * period ** (-2 / 3) * 10 ** rng.normal(0, 0.08), 0.05, 0.6))
    share = rng.uniform(0.35, 0.55)
    radii = ((1 - share) * total, share * total)
    cos_i = rng.uniform(0, 0.8 * total)  # nobody would have noticed a shallower graze
    offsets = _binary(_phase(times, period, rng), radii, cos_i, rng.uniform(0.1, 1.0), 0.02 * total)
    abs_mag, colour = _dwarf(rng, 1.5, 6.5)
    labels = ("variable", "periodic", "eclipsing", "EA", "binary star", "detached eclipsing MS-MS")
    return Star(labels, offsets, abs_mag - 0.4, colour, period)


def semi_detached(times, rng):
    """EB (beta Lyrae): unequal minima and light that changes between the eclipses."""
    period = _lognormal(rng, 0.85, 0.25, 0.4, 12.0)
    radii = (rng.uniform(0.24, 0.38), rng.uniform(0.28, 0.38))
    cos_i = rng.uniform(0, 0.75 * sum(radii))
    surface, tide = rng.uniform(0.15, 0.75), rng.uniform(0.03, 0.09)
    offsets = _binary(_phase(times, period, rng), radii, cos_i, surface, tide)
    abs_mag, colour = _dwarf(rng, 0.0, 4.5)
    labels = ("variable", "periodic", "eclipsing", "EB", "binary star", "Beta Lyr")
    return Star(labels, offsets, abs_mag - 0.4, colour, period)


def contact(times, rng):
    """EW (W UMa): two stars in one envelope; period-luminosity relation of Chen et al. (2018)."""
    period = _lognormal(rng, 0.34, 0.09, 0.21, 0.9)
    ratio = rng.uniform(0.15, 0.9)  # mass ratio, which fixes the radii of the two Roche lobes
    larger = 0.38 - 0.2 * np.log10(ratio)
    radii = (larger, larger * ratio**0.46)
    cos_i = rng.uniform(0, 0.8)
    surface, tide = rng.uniform(0.8, 1.0), 0.06 + 0.07 * ratio
    offsets = _binary(_phase(times, period, rng), radii, cos_i, surface, tide)
    colour = 0.62 - 2.5 * np.log10(period / 0.34) + rng.normal(0, 0.1)
    labels = ("variable", "periodic", "eclipsing", "EW", "binary star", "W UMa")
    return Star(labels, offsets, -9.15 * np.log10(period) - 0.23 + rng.normal(0, 0.25), colour, period)


def rr_lyrae_ab(times, rng):
    """RRab: period-amplitude relation of Cacciari et al. (2005); Fourier phases of Simon & Teays (1982)."""
    oosterhoff = 0.06 if rng.random() < 0.25 else 0.0  # the second Oosterhoff group has longer periods
    period = float(np.clip(rng.normal(0.56, 0.06) * 10**oosterhoff, 0.38, 0.88))
    log_p = np.log10(period) - oosterhoff
    blue = -3.123 - 26.331 * log_p - 35.853 * log_p**2 if log_p > -0.367 else 1.71
    amplitude = float(np.clip(0.72 * blue + rng.normal(0, 0.09), 0.15, 1.2))
    harmonic = np.arange(1, 7)
    ratios = np.array([0.47, 0.34, 0.22, 0.13, 0.08, 0.04]) * np.clip(0.6 + 0.4 * amplitude, 0.6, 1.0) ** harmonic
    angles = rng.normal(4.14, 0.06) * harmonic - 0.2
    phase = _phase(times, period, rng)
    labels = ["variable", "periodic", "pulsator", "RR Lyrae", "RR Lyrae ab"]
    size = amplitude * np.ones_like(times)
    if rng.random() < 0.12:
        slow = 2 * np.pi * _phase(times, _lognormal(rng, 60, 0.25, 15, 300), rng)
        size = size * (1 + rng.uniform(0.1, 0.3) * np.cos(slow))
        phase = phase + rng.uniform(0.0, 0.015) * np.sin(slow)
        labels.append("RR Lyrae Blazhko")
    if amplitude > 0.5:
        labels.append("sawtooth")
    offsets = _bands(size * _fourier(phase, ratios, angles), rng.normal(1.4, 0.04), rng.normal(0.8, 0.03))
    return Star(tuple(labels), offsets, rng.normal(0.62, 0.15), rng.normal(0.28, 0.07), period)


def rr_lyrae_c(times, rng):
    """RRc: nearly sinusoidal, bluer and shorter than RRab; parameters after Soszynski et al. (2014)."""
    period = float(np.clip(rng.normal(0.32, 0.04), 0.21, 0.45))
    amplitude = float(np.clip(rng.normal(0.31, 0.07), 0.08, 0.5))
    shape = _fourier(_phase(times, period, rng), (rng.uniform(0.04, 0.18), 0.06), (rng.normal(4.7, 0.3), 3.0))
    labels = ("variable", "periodic", "pulsator", "RR Lyrae", "RR Lyrae c")
    if rng.random() < 0.2:
        labels += ("sinusoidal",)
    offsets = _bands(amplitude * shape, rng.normal(1.38, 0.04), rng.normal(0.8, 0.03))
    return Star(labels, offsets, rng.normal(0.6, 0.15), rng.normal(0.08, 0.07), period)


def delta_scuti(times, rng):
    """Delta Scuti, mostly of low amplitude; period-luminosity relation of Ziaali et al. (2019)."""
    period = _lognormal(rng, 0.075, 0.17, 0.025, 0.24)
    amplitude = _lognormal(rng, 0.08, 0.4, 0.01, 0.6)
    second = rng.uniform(0.2, 0.35) if amplitude > 0.15 else 0.05  # strong ones are asymmetric
    curve = amplitude * _fourier(_phase(times, period, rng), (second,), (rng.normal(4.0, 0.2),))
    labels = ("variable", "periodic", "pulsator", "Delta Scu")
    if rng.random() < 0.3:  # radial first overtone beside the fundamental (Petersen diagram)
        curve = curve + 0.25 * amplitude * np.cos(2 * np.pi * _phase(times, 0.773 * period, rng))
        labels += ("multi periodic",)
    offsets = _bands(curve, rng.normal(1.38, 0.06), rng.normal(0.75, 0.04))
    abs_mag = -2.94 * np.log10(period) - 1.34 + rng.normal(0, 0.25)
    return Star(labels, offsets, abs_mag, rng.normal(0.1, 0.15), period)


def cepheid(times, rng):
    """Classical (Fouque et al. 2007) and type-II Cepheids (Pritzl et al. 2003), r band from V."""
    labels = ("variable", "periodic", "pulsator")
    if rng.random() < 0.25:
        period = _lognormal(rng, 4.0, 0.45, 1.0, 20.0)
        abs_mag = -1.64 * np.log10(period) + 0.05
        labels += ("Cepheid type-II", "BL Her" if period < 4 else "W Virginis")
    else:
        period = _lognormal(rng, 4.5, 0.28, 1.0, 45.0)
        abs_mag = -2.68 * np.log10(period) - 1.5
        labels += ("Cepheid",)
    amplitude = _lognormal(rng, 0.42, 0.17, 0.08, 1.0)
    # The bump moves along the light curve with period (Hertzsprung progression) and weakens near ten days.
    log_p = np.log10(period)
    second = 0.12 + 0.3 * min(1.0, 2.5 * abs(log_p - 1.0))
    shape = _fourier(
        _phase(times, period, rng),
        (second, 0.45 * second, 0.2 * second),
        tuple(np.array([1.0, 2.05, 3.1]) * (4.3 + 1.1 * (log_p - 0.6) + rng.normal(0, 0.1))),
    )
    offsets = _bands(amplitude * shape, rng.normal(1.45, 0.05), rng.normal(0.78, 0.03))
    colour = rng.normal(0.55, 0.12) + 0.3 * log_p
    return Star(labels, offsets, abs_mag + rng.normal(0, 0.2), colour, period)


def long_period(times, rng):
    """Mira, semi-regular and OSARG giants; period and amplitude ranges after Soszynski et al. (2009)."""
    label = rng.choice(["Mira", "SRV", "OSARG"], p=[0.25, 0.35, 0.40])
    middle, dex, low, high, size, spread = {
        "Mira": (280.0, 0.13, 100.0, 600.0, 3.2, 0.13),
        "SRV": (110.0, 0.2, 40.0, 400.0, 0.45, 0.25),
        "OSARG": (35.0, 0.2, 10.0, 110.0, 0.05, 0.25),
    }[label]
    period = _lognormal(rng, middle, dex, low, high)
    amplitude = _lognormal(rng, size, spread, 0.01, 6.0)
    wander = {"Mira": 0.02, "SRV": 0.10, "OSARG": 0.08}[label]
    phase = _phase(times, period, rng) + _random_walk(times, 3 * period, wander, rng)
    strength = 1 + _random_walk(times, 3 * period, 2.5 * wander, rng)
    curve = amplitude * strength * _fourier(phase, (0.12,), (rng.normal(4.2, 0.4),))
    if label != "Mira":  # a second mode and a long secondary period
        curve = curve + 0.25 * amplitude * np.cos(2 * np.pi * _phase(times, 0.55 * period, rng))
        curve = curve + 0.2 * amplitude * np.cos(2 * np.pi * _phase(times, 9 * period, rng))
    rhythm = "irregular" if label == "SRV" and rng.random() < 0.4 else "periodic"
    labels = ("variable", rhythm, "pulsator", "LPV", "long timescale", str(label))
    colour = {"Mira": 3.4, "SRV": 2.7, "OSARG": 2.1}[label] + rng.normal(0, 0.25)
    dust = {"Mira": 0.35, "SRV": 0.1, "OSARG": 0.0}[label] * rng.uniform(0.5, 1.5)
    return Star(labels, _bands(curve, 1.2, 0.7), rng.normal(-1.8, 0.8), colour, period, dust)


def spotted(times, rng):
    """RS CVn: starspots that grow, drift and fade over a few hundred days (Strassmeier 2009)."""
    period = _lognormal(rng, 6.0, 0.4, 0.5, 60.0)
    amplitude = _lognormal(rng, 0.12, 0.25, 0.02, 0.5)
    angle = 2 * np.pi * (_phase(times, period, rng) + _random_walk(times, 800.0, 0.04, rng))
    strength = np.maximum(1 + _random_walk(times, 500.0, 0.35, rng), 0.15)
    second_spot = rng.uniform(0, 0.35) * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
    curve = amplitude / 2 * strength * (np.cos(angle) + second_spot)
    curve = curve + _random_walk(times, 900.0, 0.2 * amplitude, rng)  # the spotted area itself changes
    labels = ("variable", "periodic", "binary star", "RS CVn", "sinusoidal")
    return Star(labels, _bands(curve, 1.15, 0.85), rng.normal(3.0, 1.0), rng.normal(1.05, 0.2), period)


def cataclysmic(times, rng):
    """CV: dwarf-nova outbursts (rates and heights after Coppejans et al. 2016) over flickering."""
    flicker = _random_walk(times, 0.08, rng.uniform(0.05, 0.25), rng) + _random_walk(times, 60.0, 0.15, rng)
    curve = flicker
    labels = ("variable", "irregular", "CV")
    if rng.random() < 0.85:  # the rest are nova-likes, without outbursts
        gap = _lognormal(rng, 90.0, 0.35, 12.0, 600.0)
        height = float(np.clip(rng.normal(2.8, 0.9), 0.8, 6.0))
        days, which = _since_last(times, gap, rng)
        rise, fade = rng.uniform(0.5, 1.5), rng.uniform(0.25, 0.6)  # days; mag per day (Bailey relation)
        plateau = rng.uniform(1, 4) * np.where(which % 4 == 0, 3.0, 1.0)  # every fourth is a long outburst
        peak = height * (1 - 0.15 * (which % 3))
        decline = peak - fade * (days - rise - plateau)
        curve = flicker - np.clip(np.minimum(peak * days / rise, decline), 0, peak)
        labels += ("flaring",)
    return Star(labels, _bands(curve, 1.06, 0.93), rng.normal(8.8, 1.2), rng.normal(0.35, 0.3), dust=0.1)


def young(times, rng):
    """YSO: accretion and dust make a red random walk, some with dips (Cody et al. 2014)."""
    sigma = _lognormal(rng, 0.16, 0.28, 0.02, 0.7)
    curve = _random_walk(times, _lognormal(rng, 6.0, 0.35, 1.0, 60.0), sigma, rng)
    curve = curve + _random_walk(times, 400.0, 0.5 * sigma, rng)
    labels = ("variable", "irregular", "YSO")
    if rng.random() < 0.25:
        days, which = _since_last(times, rng.uniform(6, 20), rng)
        depth = rng.uniform(0.3, 1.3) * rng.random(which.max() + 1)[which]
        curve = curve + depth * np.exp(-0.5 * ((days - 2) / rng.uniform(0.4, 1.0)) ** 2)
        labels += ("dipping",)
    abs_mag, colour = _dwarf(rng, 4.5, 9.0)
    offsets = _bands(curve, rng.normal(1.25, 0.08), rng.normal(0.82, 0.05))
    return Star(labels, offsets, abs_mag - 1.5, colour, dust=rng.uniform(0.3, 0.9))


def quasar(times, rng):
    """AGN: damped random walk with the time scales and amplitudes of MacLeod et al. (2010)."""
    tau = _lognormal(rng, 200.0, 0.35, 20.0, 2000.0)
    curve = _random_walk(times, tau, _lognormal(rng, 0.12, 0.17, 0.03, 0.4), rng)
    colour = rng.normal(0.3, 0.2)
    labels = ("variable", "irregular", "AGN")
    return Star(labels, _bands(curve, 1.15, 0.88), rng.normal(-23.5, 1.2), colour, dust=rng.normal(1.0, 0.15))


def flare_star(times, rng):
    """M dwarf with white-light flares: shape of Davenport et al. (2014), power-law energies."""
    days, which = _since_last(times, _lognormal(rng, 1.4, 0.3, 0.3, 10.0), rng)
    flux = np.minimum(0.09 * (rng.pareto(1.2, which.max() + 1) + 1), 4.0)[which]  # peak, share of r light
    width = 0.02 * (1 + flux) ** 0.5  # days; stronger flares last longer
    flux = flux * (0.69 * np.exp(-1.6 * days / width) + 0.31 * np.exp(-0.28 * days / width))
    # A flare is a hot (10,000 K) spot, so its contrast against the red star rises steeply to the blue.
    offsets = np.stack([-2.5 * np.log10(1 + contrast * flux) for contrast in (3.0, 1.0, 0.4)])
    abs_mag, colour = _dwarf(rng, 8.8, 13.0)
    return Star(("variable", "irregular", "flaring"), offsets, abs_mag, colour)


def bogus(times, rng):
    """Artefacts: steps of the zero point, heavy-tailed scatter, or one-sided wild points."""
    size = _lognormal(rng, 0.15, 0.3, 0.02, 1.0)
    which = rng.integers(3)
    if which == 0:
        edges = np.sort(rng.uniform(FIRST_NIGHT, LAST_NIGHT, rng.integers(1, 5)))
        curve = size * rng.normal(0, 1, len(edges) + 1)[np.searchsorted(edges, times)]
    elif which == 1:
        curve = size * rng.standard_t(3.0, len(times)) / 2
    else:
        wild = rng.random(len(times)) < rng.uniform(0.03, 0.2)
        curve = size * wild * rng.exponential(2, len(times))
    curve = np.clip(curve * rng.choice([-1, 1]), -1.5, 1.5)
    labels = ("bogus",) + (("ccd artifact",) if which == 0 and rng.random() < 0.3 else ())
    abs_mag, colour = _dwarf(rng, 2.5, 9.5)
    return Star(labels, _bands(curve, rng.normal(1, 0.3), rng.normal(1, 0.3)), abs_mag, colour)


def blend(times, rng):
    """Two stars in one aperture: the neighbour adds more light in poor seeing, worst in winter."""
    neighbour = _lognormal(rng, 0.35, 0.3, 0.05, 2.0)  # flux ratio
    winter = 0.5 + 0.5 * np.cos(2 * np.pi * (times - 58120) / 365.25)
    leak = np.clip(0.35 * rng.gamma(2.0, 0.5, len(times)) + 0.25 * winter, 0, 1)
    offsets = np.stack([-2.5 * np.log10(1 + ratio * neighbour * leak) for ratio in rng.lognormal(0, 0.4, 3)])
    abs_mag, colour = _dwarf(rng, 2.5, 9.5)
    return Star(("bogus", "blend"), offsets, abs_mag, colour)


KINDS = {
    "non-variable": Kind(non_variable, 252),
    "EA": Kind(detached, 74),
    "EB": Kind(semi_detached, 59, (16.2, 1.5), 12.0),
    "EW": Kind(contact, 82),
    "RR Lyrae ab": Kind(rr_lyrae_ab, 76, (16.8, 1.5), 90.0),
    "RR Lyrae c": Kind(rr_lyrae_c, 68, (16.8, 1.5), 90.0),
    "Delta Scuti": Kind(delta_scuti, 59, (15.8, 1.4), 12.0),
    "Cepheid": Kind(cepheid, 59, (15.3, 1.2), 3.0),
    "LPV": Kind(long_period, 59, (15.2, 1.2), 8.0),
    "RS CVn": Kind(spotted, 59, (16.0, 1.5), 20.0),
    "CV": Kind(cataclysmic, 59, (18.6, 1.0), 30.0),
    "YSO": Kind(young, 59, (17.2, 1.4), 5.0),
    "AGN": Kind(quasar, 59, (18.7, 0.8), 90.0),
    "flare": Kind(flare_star, 59, (17.8, 1.2), 40.0),
    "bogus": Kind(bogus, 59),
    "blend": Kind(blend, 58, (17.0, 1.7), 8.0),
}
TEACHING_MIX = {name: kind.stars for name, kind in KINDS.items()}
