"""How people label the stars of the simulated survey: shares of votes, some overlooked, doubted or forgotten."""

import numpy as np

from scope_nb.periods.harmonics import robust_weights
from scope_nb.taxonomy import NEGATIVE_LABEL, label_names

# Shares of light curves that have a label of the second column but not the first: in SCoPe's training set 3,374, 450
# and 201 light curves lack these parents.
FORGOTTEN = {"periodic": 0.04, "irregular": 0.11, "variable": 0.0005}

# Share of the stars shown at a wrong period where somebody noticed, share of those where they labelled how it is wrong,
# and the share noticed where it is doubled: the same cycle, drawn twice, strikes the eye. The natural ones give about
# the 1,694, 237 and 238 light curves of SCoPe; the sample needs more to learn from.
NOTICED = {"natural": (0.03, 0.2, 0.22), "sample": (0.45, 1.0, 0.45)}


def choose_period(curve, period, rng):
    """Return the period (days) that a search showed to the people who voted.

    Of the true period, its half, its double and their daily aliases it is the one where a sine fits best, or two or
    four harmonics, as the search happened to be: the ways in which periodograms go wrong. Of periods that fit alike the
    shorter is mostly shown, as that of equal eclipses is: the median period of SCoPe's table, 0.17 days, is half that
    of its many contact binaries. Searches for phases where the light curve is thin lean to the longer one.

    Parameters
    ----------
    curve : tuple of ndarray
        Times, magnitudes and errors.
    period : float
        True period; NaN gives NaN.
    """
    if np.isnan(period):
        return np.nan
    time, mag, err = curve
    weight = robust_weights(err)
    multiples = np.array([1.0, 2.0, 0.5]) / period
    trials = np.concatenate([multiples, np.abs(multiples[:2] - 1.0), multiples[:2] + 1.0])
    trials = trials[trials > 1.5 / np.ptp(time)]
    terms, lean = rng.choice([1, 2, 4], p=[0.15, 0.15, 0.7]), rng.choice([0.05, -0.05], p=[0.9, 0.1])
    residuals = [_fit_residual(2 * np.pi * freq * time, mag, weight, terms) / freq**lean for freq in trials]
    return 1 / trials[np.argmin(residuals)] if len(trials) else period


def _fit_residual(angle, mag, weight, terms):
    """Return the weighted sum of squares that a fit of some harmonics leaves."""
    waves = [wave(k * angle) for k in range(1, terms + 1) for wave in (np.cos, np.sin)]
    root = np.sqrt(weight)
    design, target = np.column_stack([np.ones_like(mag), *waves]) * root[:, None], mag * root
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    return ((target - design @ coefficients) ** 2).sum()


def judge_period(period, shown, noticed, rng):
    """Return the labels that people give a star for its period `shown`; none if it is right to a per cent.

    `noticed` is an entry of `NOTICED`.
    """
    share, explained, share_double = noticed
    half, right, double = (abs(shown / period / factor - 1) < 0.01 for factor in (0.5, 1.0, 2.0))
    if np.isnan(period) or right or rng.random() > (share_double if double else share):
        return ()
    if (half or double) and rng.random() < explained:
        return ("wrong period", "half period" if half else "double period")
    return ("wrong period",)


def draw_votes(star, clarity, wrong, n_curves, rng):
    """Return the vote shares of a star's light curves.

    Parameters
    ----------
    star : Star
    clarity : float
        Range of the variation in units of three errors; below 1 people begin to miss it.
    wrong : tuple of str
        Labels of a wrong period that somebody noticed.
    n_curves : int
        Number of light curves, each judged separately but from the same plot.

    Returns
    -------
    list of dict
        Label -> share of the votes: 0, 0.25, 0.5, 0.75 or 1.
    """
    base = dict.fromkeys(label_names(), 0.0)
    agreed, names = 1.0, [*star.labels, *wrong]
    if "variable" in names and rng.random() > 1.5 * clarity:
        agreed, base[NEGATIVE_LABEL] = (0.5, 0.5) if clarity > 0.25 else (0.25, 0.75)
    forgotten = [rng.random() < FORGOTTEN.get(label, 0.0) and i + 1 < len(names) for i, label in enumerate(names)]
    rows = []
    for _ in range(n_curves):
        doubt = rng.choice([0.0, 0.25, 0.5], len(names), p=[0.93, 0.055, 0.015])
        # Doubt about a parent is doubt about its children; only a forgotten tag breaks that.
        shares = np.minimum.accumulate(np.maximum(agreed - doubt, 0.0))
        shares[forgotten | (rng.random(len(names)) < 0.0015)] = 0.0
        stray = {str(rng.choice(list(base))): 0.25} if rng.random() < 0.1 else {}
        rows.append(base | stray | dict(zip(names, shares.tolist(), strict=True)))
    return rows
