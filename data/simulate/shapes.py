"""How the kinds of stars vary: one short function each.

A shape is ``shape(times, star, rng)``: times in MJD, sorted; `star` with `period` (days), `amplitude` (mag, peak to
peak in r) and `bands` (amplitude in g and i, in units of that in r). It returns magnitude offsets in g, r and i from
the star's mean or quiescent magnitude, shape (3, n).
"""

import numpy as np

FIRST_NIGHT, LAST_NIGHT = 58200, 59235  # MJD; as long as the light curves that SCoPe searched for periods
TURN = 2 * np.pi


def _phase(times, period, rng):
    """Return the phase in cycles (not wrapped) from a random zero point."""
    return (times - FIRST_NIGHT) / period + rng.random()


def _bands(curve, star):
    """Scale an r-band curve to the three bands; the ratios scatter by a few per cent from star to star."""
    return np.stack([star.bands[0] * curve, curve, star.bands[1] * curve])


def _fourier(phase, ratios, angles):
    """Return a cosine series of unit peak-to-peak range from the ratios R_k1 and phases phi_k1, k = 2, 3, ..."""
    grid = np.linspace(0.0, 1.0, 200)

    def series(x):
        total = np.cos(TURN * x)
        for k, (ratio, angle) in enumerate(zip(ratios, angles, strict=True), start=2):
            total = total + ratio * np.cos(TURN * k * x + angle)
        return total

    return series(phase) / np.ptp(series(grid))


def random_walk(times, tau, sigma, rng):
    """Return a damped random walk (mag) with time scale `tau` (days) and scatter `sigma`; Kelly et al. (2009)."""
    keep = np.exp(-np.diff(times) / tau)
    kicks = sigma * np.sqrt(1 - keep**2) * rng.standard_normal(len(keep))
    value = sigma * rng.standard_normal()
    walk = [value]
    for factor, kick in zip(keep.tolist(), kicks.tolist(), strict=True):
        value = value * factor + kick
        walk.append(value)
    return np.array(walk)


def _since_last(times, mean_gap, rng):
    """Return the days since the last of a series of random events, and the number of that event."""
    n_events = int(1.2 * (LAST_NIGHT - FIRST_NIGHT) / mean_gap) + 40
    # The series starts long before the survey, so that every epoch has a predecessor.
    events = FIRST_NIGHT - 10 * mean_gap + np.cumsum(rng.gamma(3.0, mean_gap / 3.0, n_events))
    last = np.searchsorted(events, times) - 1
    return times - events[last], last


def _lognormal(rng, middle, dex):
    return middle * 10 ** rng.normal(0.0, dex)


def _overlap(distance, a, b):
    """Return the area shared by two discs of radii `a` and `b` whose centres are `distance` apart."""
    d = np.clip(distance, abs(a - b) + 1e-9, a + b)
    angle_a = np.arccos(np.clip((d**2 + a**2 - b**2) / (2 * d * a), -1, 1))
    angle_b = np.arccos(np.clip((d**2 + b**2 - a**2) / (2 * d * b), -1, 1))
    return a**2 * (angle_a - np.sin(2 * angle_a) / 2) + b**2 * (angle_b - np.sin(2 * angle_b) / 2)


def _hidden(distance, behind, front):
    """Return the share of the light of the disc behind that is hidden; nested discs stand in for limb darkening."""
    shells = ((1.0, 0.55), (0.85, 0.25), (0.55, 0.20))
    total = sum(weight * shell**2 for shell, weight in shells)
    return sum(w * _overlap(distance, s * behind, front) for s, w in shells) / (np.pi * behind**2 * total)


def _binary(phase, radii, cos_i, surface, tide, heating=0.0):
    """Return the eclipses of two spherical stars with tidal distortion and heating, in g, r and i (mag, shape (3, n)).

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
    heating : float
        Light that the heated side of the cooler star adds in r, at most (share of the light).
    """
    x = TURN * phase
    sin_i2 = 1 - cos_i**2
    distance = np.hypot(np.sin(x), cos_i * np.cos(x))
    primary = np.cos(x) > 0
    hidden = np.where(primary, _hidden(distance, *radii), _hidden(distance, *radii[::-1]))
    facing = heating * (1 - np.sqrt(sin_i2) * np.cos(x)) / 2
    offsets = []
    # Wien's law: the contrast of two temperatures grows as 1 / wavelength; heated sides are redder than the hot star.
    for power, warm in ((1.30, 0.75), (1.00, 1.00), (0.82, 1.15)):
        light = np.array([radii[0] ** 2, radii[1] ** 2 * surface**power])
        light /= light.sum()
        behind = np.where(primary, light[0], light[1] + warm * facing)
        flux = 1 + warm * facing - behind * hidden - tide * sin_i2 * np.cos(2 * x)
        offsets.append(-2.5 * np.log10(np.maximum(flux, 0.01)))
    return np.stack(offsets)


def detached(times, star, rng):
    """EA: detached main-sequence pair; the radii follow from Kepler's third law for two solar masses."""
    total = float(np.clip(0.42 * star.period ** (-2 / 3) * 10 ** rng.normal(0, 0.08), 0.05, 0.6))
    share, surface = rng.uniform(0.35, 0.55), rng.uniform(0.2, 1.0)
    if rng.random() < 0.4:  # Algol: the cooler star has filled its Roche lobe
        total, share, surface = np.clip(1.3 * total, 0.35, 0.6), rng.uniform(0.5, 0.65), rng.uniform(0.05, 0.3)
    radii = ((1 - share) * total, share * total)
    cos_i = rng.uniform(0, 0.6 * total)  # shallower eclipses would not have been noticed
    tide = (0.02 if surface > 0.3 else 0.06) * total
    return _binary(_phase(times, star.period, rng), radii, cos_i, surface, tide, rng.uniform(0, 0.05))


def semi_detached(times, star, rng):
    """EB (beta Lyrae): unequal minima and light that changes between the eclipses."""
    radii = (rng.uniform(0.26, 0.38), rng.uniform(0.28, 0.38))
    cos_i = rng.uniform(0, 0.8 * sum(radii))
    return _binary(_phase(times, star.period, rng), radii, cos_i, rng.uniform(0.2, 0.85), rng.uniform(0.04, 0.10))


def contact(times, star, rng):
    """EW (W UMa): two stars in one envelope; the mass ratio fixes the radii of the two Roche lobes."""
    ratio = rng.uniform(0.12, 0.9)
    larger = 0.38 - 0.2 * np.log10(ratio)
    cos_i = rng.uniform(0, 0.8)
    tide = 0.06 + 0.07 * ratio
    radii = (larger, larger * ratio**0.46)
    curve = _binary(_phase(times, star.period, rng), radii, cos_i, rng.uniform(0.55, 1.0), tide)
    return curve + random_walk(times, 300.0, 0.01, rng)  # spots: the maxima change from season to season


def near_contact(times, star, rng):
    """Between EB and EW: all but in contact, so that the minima still differ; observers call it one or the other."""
    radii = (rng.uniform(0.34, 0.42), rng.uniform(0.28, 0.38))
    cos_i = rng.uniform(0, 0.8 * sum(radii))
    curve = _binary(_phase(times, star.period, rng), radii, cos_i, rng.uniform(0.35, 0.8), rng.uniform(0.06, 0.11))
    return curve + random_walk(times, 300.0, 0.01, rng)


def subdwarf_pair(times, star, rng):
    """HW Vir: a hot subdwarf and the red dwarf that it heats; the reflection effect peaks beside the second eclipse."""
    radii = (rng.uniform(0.17, 0.24), rng.uniform(0.17, 0.23))
    cos_i = rng.uniform(0, 0.6 * sum(radii))
    return _binary(_phase(times, star.period, rng), radii, cos_i, 0.01, 0.0, rng.uniform(0.15, 0.35))


def white_dwarf_pair(times, star, rng):
    """NN Ser: a white dwarf goes at once and wholly behind its red dwarf, which it heats."""
    small, large = rng.uniform(0.015, 0.03), rng.uniform(0.15, 0.3)
    share = rng.uniform(0.05, 0.5)  # of the red dwarf in the light in r
    surface = share / (1 - share) * (small / large) ** 2
    cos_i = rng.uniform(0, 0.8 * large)
    return _binary(_phase(times, star.period, rng), (small, large), cos_i, surface, 0.01, rng.uniform(0.05, 0.5))


def irradiated(times, star, rng):
    """Compact binary: one side of the companion is hot; some show a short eclipse."""
    x = TURN * _phase(times, star.period, rng)
    curve = star.amplitude / 2 * (np.cos(x) + rng.uniform(0.0, 0.2) * np.cos(2 * x))
    if rng.random() < 0.4:
        curve = curve + rng.uniform(0.2, 1.2) * (np.cos(x) > np.cos(np.pi * rng.uniform(0.03, 0.1)))
    return _bands(curve, star) + random_walk(times, 0.05, 0.04, rng)


def reflecting(times, star, rng):
    """Cool companion of a white dwarf or hot subdwarf, heated on one side, in an orbit too inclined for eclipses."""
    x = TURN * _phase(times, star.period, rng)
    return _bands(star.amplitude / 2 * (np.cos(x) + rng.uniform(0.0, 0.2) * np.cos(2 * x)), star)


def redback(times, star, rng):
    """Companion of a millisecond pulsar: tidal distortion, one side heated, flickering."""
    x = TURN * _phase(times, star.period, rng)
    heated = rng.uniform(0.0, 0.9)
    curve = (1 - heated) * np.cos(2 * x) + heated * np.cos(x + rng.normal(0, 0.15))
    return _bands(star.amplitude / 2 * curve + random_walk(times, 0.2, 0.03, rng), star)


def ellipsoidal(times, star, rng):
    """A star drawn out by an unseen companion: two equal maxima, minima that differ a little."""
    x = TURN * _phase(times, star.period, rng)
    shape = np.cos(2 * x) + rng.uniform(0.0, 0.25) * np.cos(x) + rng.normal(0, 0.05) * np.sin(x)
    return _bands(star.amplitude / 2 * shape, star)


def rr_lyrae_ab(times, star, rng, modulation=0.0):
    """RRab: the larger the amplitude the shorter the period, in two Oosterhoff groups."""
    log_p = np.log10(star.period) - (0.06 if rng.random() < 0.25 else 0.0)
    blue = -3.123 - 26.331 * log_p - 35.853 * log_p**2 if log_p > -0.367 else 1.71
    amplitude = float(np.clip(0.51 * blue + rng.normal(0, 0.11), 0.15, 1.2))
    harmonic = np.arange(1, 7)
    ratios = np.array([0.51, 0.39, 0.26, 0.16, 0.10, 0.05]) * np.clip(0.6 + 0.4 * amplitude, 0.6, 1.0) ** harmonic
    angles = rng.normal(4.28 + 1.5 * (log_p + 0.24), 0.13) * harmonic - 0.2
    phase = _phase(times, star.period, rng)
    slow = TURN * _phase(times, float(np.clip(_lognormal(rng, 60, 0.25), 15, 300)), rng)
    size = amplitude * (1 + modulation * np.cos(slow))
    return _bands(size * _fourier(phase + 0.05 * modulation * np.sin(slow), ratios, angles), star)


def blazhko(times, star, rng):
    """RRab whose amplitude and phase change over weeks to months."""
    return rr_lyrae_ab(times, star, rng, rng.uniform(0.12, 0.4))


def rr_lyrae_c(times, star, rng):
    """RRc: nearly sinusoidal, first overtone."""
    shape = _fourier(_phase(times, star.period, rng), (rng.uniform(0.04, 0.18), 0.06), (rng.normal(4.7, 0.3), 3.0))
    return _bands(star.amplitude * shape, star)


def rr_lyrae_d(times, star, rng):
    """RRd: the first overtone, and the fundamental mode at a period ratio near 0.745."""
    overtone = _fourier(_phase(times, star.period, rng), (rng.uniform(0.08, 0.18),), (rng.normal(4.7, 0.3),))
    slow = _phase(times, star.period / rng.normal(0.7445, 0.001), rng)
    fundamental = _fourier(slow, (0.2,), (rng.normal(4.2, 0.3),))
    return _bands(star.amplitude * (overtone + rng.uniform(0.25, 0.8) * fundamental), star)


def delta_scuti(times, star, rng):
    """Delta Scuti: strong ones are asymmetric; faint further modes in half of them."""
    second = rng.uniform(0.1, 0.42) if star.amplitude > 0.15 else rng.uniform(0.0, 0.15)
    angles = rng.normal(4.0, 0.2) + np.array([0.0, 4.1])
    shape = _fourier(_phase(times, star.period, rng), (second, second**2), angles)
    if rng.random() < 0.5:
        shape = shape + rng.uniform(0.03, 0.15) * np.cos(TURN * _phase(times, 0.773 * star.period, rng))
    return _bands(star.amplitude * shape, star)


def two_modes(times, star, rng):
    """Fundamental mode and first overtone, period ratio near 0.773 (Petersen diagram), and their sum."""
    first, second = (TURN * _phase(times, factor * star.period, rng) for factor in (1.0, rng.normal(0.773, 0.004)))
    other = rng.uniform(0.35, 0.9)
    shape = np.cos(first) + other * np.cos(second) + 0.3 * other * np.cos(first + second)
    return _bands(star.amplitude / 3 * shape, star)


def several_modes(times, star, rng):
    """Three to six modes of like period (gamma Doradus stars, slowly pulsating B stars)."""
    periods = star.period * np.concatenate([[1.0], 10 ** rng.normal(0, 0.1, rng.integers(2, 6))])
    sizes = np.concatenate([[1.0], rng.uniform(0.25, 0.9, len(periods) - 1)])
    modes = [size * np.cos(TURN * _phase(times, p, rng)) for size, p in zip(sizes, periods, strict=True)]
    return _bands(star.amplitude / 2 * np.sum(modes, axis=0) / np.sqrt((sizes**2).sum()), star)


def cepheid(times, star, rng):
    """The bump moves along the light curve with period (Hertzsprung progression) and weakens near ten days."""
    log_p = np.log10(star.period)
    second = 0.12 + 0.3 * min(1.0, 2.5 * abs(log_p - 1.0))
    angles = np.array([1.0, 2.05, 3.1]) * (4.3 + 1.1 * (log_p - 0.6) + rng.normal(0, 0.1))
    shape = _fourier(_phase(times, star.period, rng), (second, 0.45 * second, 0.2 * second), angles)
    return _bands(star.amplitude * shape, star)


def overtone_cepheid(times, star, rng):
    """First overtone: smaller and rounder than the fundamental mode."""
    angle = 4.4 + 1.5 * (np.log10(star.period) - 0.4) + rng.normal(0, 0.15)
    shape = _fourier(_phase(times, star.period, rng), (rng.uniform(0.08, 0.22), 0.05), (angle, 2 * angle))
    return _bands(star.amplitude * shape, star)


def w_virginis(times, star, rng):
    """Broad, often flat maxima, and periods that drift."""
    phase = _phase(times, star.period, rng) + random_walk(times, 600.0, 0.03, rng)
    size = star.amplitude * (1 + random_walk(times, 4 * star.period, 0.12, rng))
    second = rng.uniform(0.05, 0.35)
    return _bands(size * _fourier(phase, (second, 0.1), (rng.normal(5.3, 0.7), rng.normal(3.0, 0.7))), star)


def rv_tauri(times, star, rng):
    """Deep and shallow minima take turns, not quite regularly; the formal period has one of each."""
    phase = _phase(times, star.period, rng) + random_walk(times, 4 * star.period, 0.03, rng)
    strength = 1 + random_walk(times, 4 * star.period, 0.15, rng)
    shape = np.cos(2 * TURN * phase) + rng.uniform(0.2, 0.6) * np.cos(TURN * phase)
    return _bands(star.amplitude / 2.2 * strength * shape, star)


def _red_giant(times, star, rng, wander):
    """A cycle whose phase and strength wander over a few periods."""
    phase = _phase(times, star.period, rng) + random_walk(times, 3 * star.period, wander, rng)
    strength = 1 + random_walk(times, 3 * star.period, 2.5 * wander, rng)
    return star.amplitude * strength * _fourier(phase, (0.12,), (rng.normal(4.2, 0.4),))


def mira(times, star, rng):
    """Mira: nearly periodic, of large amplitude; no cycle quite like the last, and dust that comes and goes."""
    return _bands(_red_giant(times, star, rng, 0.04) + random_walk(times, 500.0, 0.1 * star.amplitude, rng), star)


def semi_regular(times, star, rng):
    """SRV and OSARG: a main cycle that wanders, a second mode, and a long secondary period."""
    curve = _red_giant(times, star, rng, 0.1)
    curve = curve + rng.uniform(0.1, 0.3) * star.amplitude * np.cos(TURN * _phase(times, 0.55 * star.period, rng))
    curve = curve + rng.uniform(0.0, 0.4) * star.amplitude * np.cos(TURN * _phase(times, 9 * star.period, rng))
    return _bands(curve, star)


def spots(times, star, rng):
    """Starspots that grow, drift and fade over a few hundred days."""
    angle = TURN * (_phase(times, star.period, rng) + random_walk(times, 800.0, 0.04, rng))
    strength = np.maximum(1 + random_walk(times, 500.0, 0.35, rng), 0.15)
    second_spot = rng.uniform(0, 0.35) * np.cos(2 * angle + rng.uniform(0, TURN))
    curve = star.amplitude / 2 * strength * (np.cos(angle) + second_spot)
    return _bands(curve + random_walk(times, 900.0, 0.2 * star.amplitude, rng), star)  # the spotted area changes too


def dwarf_nova(times, star, rng):
    """Outbursts over flickering; every fourth is a long one. The fade is by Bailey's relation 0.25 to 0.6 mag a day."""
    flicker = random_walk(times, 0.08, rng.uniform(0.05, 0.25), rng) + random_walk(times, 60.0, 0.15, rng)
    gap = float(np.clip(_lognormal(rng, 55.0, 0.3), 12.0, 300.0))
    height = float(np.clip(rng.normal(2.8, 0.9), 0.8, 6.0))
    days, event = _since_last(times, gap, rng)
    rise, fade = rng.uniform(0.5, 1.5), rng.uniform(0.25, 0.6)
    plateau = rng.uniform(1, 4) * np.where(event % 4 == 0, 3.0, 1.0)
    peak = height * (1 - 0.15 * (event % 3))
    decline = peak - fade * (days - rise - plateau)
    return _bands(flicker - np.clip(np.minimum(peak * days / rise, decline), 0, peak), star)


def flickering(times, star, rng):
    """Nova-like: flickering within the hour, and slow changes of the flow of matter; some fall into a low state."""
    curve = random_walk(times, 0.05, 0.25 * star.amplitude, rng) + random_walk(times, 80.0, 0.35 * star.amplitude, rng)
    if rng.random() < 0.2:
        start = rng.uniform(FIRST_NIGHT, LAST_NIGHT)
        curve = curve + rng.uniform(0.8, 2.5) * ((times > start) & (times < start + rng.uniform(60, 400)))
    return _bands(curve, star)


def accretion(times, star, rng):
    """YSO: a random walk over days to weeks, and over a year."""
    tau = float(np.clip(_lognormal(rng, 6.0, 0.35), 1.0, 60.0))
    sigma = star.amplitude / 4
    return _bands(random_walk(times, tau, sigma, rng) + random_walk(times, 400.0, 0.5 * sigma, rng), star)


def bursts(times, star, rng):
    """YSO: bursts of accretion that rise fast and fade over days to months."""
    days, event = _since_last(times, rng.uniform(30, 250), rng)
    height = star.amplitude * rng.uniform(0.2, 1.0, event.max() + 1)[event]
    fade = _lognormal(rng, 12.0, 0.3)
    curve = -height * np.minimum(days / 1.5, 1.0) * np.exp(-days / fade)
    return _bands(curve + random_walk(times, 5.0, 0.05, rng), star)


def dips(times, star, rng):
    """YSO: dust from the inner disc passes in front of the star, deeper one time than another."""
    days, event = _since_last(times, rng.uniform(5, 25), rng)
    depth = star.amplitude * rng.random(event.max() + 1)[event]
    curve = depth * np.exp(-0.5 * ((days - 2.5) / rng.uniform(0.4, 1.0)) ** 2)
    return _bands(curve + random_walk(times, 3.0, 0.04, rng), star)


def quasar(times, star, rng):
    """AGN: damped random walk, bluer when brighter; of those that were noticed, as they vary within the survey."""
    tau = float(np.clip(_lognormal(rng, 200.0, 0.3), 20.0, 800.0))
    sigma = float(np.clip(_lognormal(rng, 0.16, 0.15), 0.08, 0.4))
    return _bands(random_walk(times, tau, sigma, rng), star)


def flares(times, star, rng):
    """M dwarf with white-light flares: shape of Davenport et al. (2014), power-law energies."""
    days, event = _since_last(times, float(np.clip(_lognormal(rng, 0.7, 0.3), 0.2, 5.0)), rng)
    flux = np.minimum(0.12 * (rng.pareto(1.1, event.max() + 1) + 1), 6.0)[event]  # peak, share of r light
    width = 0.02 * (1 + flux) ** 0.5  # days; stronger flares last longer
    flux = flux * (0.69 * np.exp(-1.6 * days / width) + 0.31 * np.exp(-0.28 * days / width))
    # A flare is a hot (10,000 K) spot, so its contrast against the red star rises steeply to the blue.
    return np.stack([-2.5 * np.log10(1 + contrast * flux) for contrast in (3.0, 1.0, 0.4)])


def constant(times, star, rng):
    """No variation."""
    return np.zeros((3, len(times)))


def wild_points(times, star, rng):
    """Heavy-tailed scatter, or one-sided wild points."""
    if rng.random() < 0.5:
        curve = star.amplitude / 3 * rng.standard_t(2.5, (3, len(times)))
    else:
        wild = rng.random((3, len(times))) < rng.uniform(0.03, 0.2)
        curve = star.amplitude * wild * rng.exponential(1.5, (3, len(times))) * rng.choice([-1, 1])
    return np.clip(curve, -2.5, 2.5)


def galaxy(times, star, rng):
    """Extended source: the fitted stellar profile takes in more or less of it as the seeing changes."""
    seeing = rng.gamma(4.0, 0.25, len(times)) + 0.3 * np.cos(TURN * (times - 58120) / 365.25) + 0.2
    return np.stack([star.amplitude * share * (seeing - 1.2) for share in rng.lognormal(0, 0.3, 3)])


def neighbour(times, star, rng):
    """Two stars in one aperture: the neighbour adds more light in poor seeing, worst in winter."""
    winter = 0.5 + 0.5 * np.cos(TURN * (times - 58120) / 365.25)
    leak = np.clip(0.35 * rng.gamma(2.0, 0.5, len(times)) + 0.25 * winter, 0, 1)
    return np.stack([-2.5 * np.log10(1 + 2 * ratio * star.amplitude * leak) for ratio in rng.lognormal(0, 0.4, 3)])


def saturated(times, star, rng):
    """Too bright for the camera: light is lost in good seeing, by an amount that differs from band to band."""
    lost = rng.gamma(1.2, 0.8, (3, len(times)))
    return star.amplitude * (lost * rng.lognormal(0, 0.4, (3, 1)) + 0.4 * rng.standard_t(3, (3, len(times))))


def steps(times, star, rng):
    """CCD artefact: a bad column or a ghost wanders over the star with each change of the pointing."""
    edges = np.sort(rng.uniform(FIRST_NIGHT, LAST_NIGHT, rng.integers(2, 7)))
    level = rng.normal(0, star.amplitude, (3, len(edges) + 1))[:, np.searchsorted(edges, times)]
    return level + 0.3 * star.amplitude * rng.standard_normal((3, len(times))) * (rng.random(len(times)) < 0.3)
