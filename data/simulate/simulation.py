"""The embedded survey: labelled, ZTF-like light curves whose true class and period are known.

`kinds` draws a star, `shapes` makes it vary, `survey` observes it, `catalogues` adds the columns of catalogues and
`votes` the labels. This module puts them together, and writes surveys of any size.
"""

from pathlib import Path

import catalogues
import numpy as np
import pandas as pd
import pyarrow as pa
import survey
import votes
from joblib import Parallel, delayed
from kinds import draw_star, read_kinds, read_mix
from tqdm.auto import tqdm

from scope_nb import __version__
from scope_nb.dataset.labels import count_labels
from scope_nb.lightcurves.curves import FILTERS, LightCurves
from scope_nb.parquet import read_arrow
from scope_nb.taxonomy import check_names, label_names
from scope_nb.writing import Parts

PART = 100  # stars to a part of a large survey
PRODUCTS = ("lightcurves", "truth", "training_set")


def _observe(star, place, rng):
    """Expose all light curves of a star; those with enough visits are kept.

    Returns
    -------
    mean : dict
        Apparent mean magnitude by band.
    distance : float
        kpc.
    list of dict
        `number` and `band` of each light curve, its `times`, `mag` and `err`, and the true `offsets`.
    """
    _, dec, latitude = place
    times, curve, bands = survey.draw_schedule(place, rng)
    distance, reddening = catalogues.find_distance(star.mag, star.abs_mag, latitude)
    mean = catalogues.compute_mags(star, star.mag, reddening)
    all_offsets = star.vary(times, rng)
    # Fields far in the south are observed through more air.
    quality = max(rng.normal(0.15, 0.25), -0.3) + 0.02 * max(10 - dec, 0)
    kept = []
    for number, band in enumerate(bands):
        t, offsets = times[curve == number], all_offsets[band, curve == number]
        zero_point = rng.normal(0, 0.008)  # differs between fields
        shallow = quality + (0.0, 0.0, 0.5)[band] + rng.normal(0, 0.05)
        mag, err, good = survey.expose(t, mean[survey.BANDS[band]] + zero_point + offsets, shallow, rng)
        if np.count_nonzero(np.diff(t[good], prepend=-np.inf) > survey.SAME_VISIT) >= survey.MIN_EPOCHS:
            epochs = {"times": t[good], "mag": mag[good], "err": err[good], "offsets": offsets[good]}
            kept.append({"number": number, "band": survey.BANDS[band]} | epochs)
    return mean, distance, kept


def _draw_observed(kind, rng):
    """Return the place of a star of a kind, the star, and the result of `_observe`."""
    for _ in range(200):  # a star too faint or too far south for enough epochs is replaced
        place, star = survey.draw_position(read_kinds()[kind]["latitude"], rng), draw_star(kind, rng)
        mean, distance, curves = _observe(star, place, rng)
        if curves:
            return place, star, mean, distance, curves
    raise RuntimeError(f"no star of kind {kind!r} can be observed often enough: is it too faint?")


def _make_star(number, weights, noticed, rng):
    """Return the rows of the table of one star, its light curves (times, magnitudes, errors) and the truth."""
    kind = str(rng.choice(list(weights), p=list(weights.values())))
    place, star, mean, distance, curves = _draw_observed(kind, rng)
    tags = read_kinds()[kind]["tags"].split()
    offsets, err = (np.concatenate([c[key] for c in curves]) for key in ("offsets", "err"))
    clarity = np.ptp(np.percentile(curves[0]["offsets"], [0.5, 99.5])) / (3 * np.median(curves[0]["err"]))
    longest = max(curves, key=lambda c: len(c["times"]))
    shown = votes.choose_period([longest[key] for key in ("times", "mag", "err")], star.period, rng)
    wrong = votes.judge_period(star.period, shown, noticed, rng)
    speed = 120.0 if read_kinds()[kind]["latitude"] >= 90 else 35.0  # km/s, halo and disc
    shared = catalogues.count_alerts(offsets, err, "bogus" in tags, rng)
    shared |= catalogues.measure_wise(mean, star.dust, rng)
    shared |= catalogues.measure_gaia(mean, distance, speed, rng)
    shared |= catalogues.measure_ps1(mean, rng)
    position = {"obj_id": f"sim{number:06d}", "ra": place[0], "dec": place[1]}
    field, ccd, quad = survey.find_pointing(*place[:2])
    rows, bands = [], set()
    for curve, shares in zip(curves, votes.draw_votes(star, clarity, wrong, len(curves), rng), strict=True):
        band = curve["band"]
        camera = {"band": band, "filter": FILTERS[band], "field": field, "ccd": ccd, "quad": quad}
        if band in bands:  # the neighbouring field has it on the opposite edge
            camera |= {"field": field + 1, "ccd": 17 - ccd, "quad": 5 - quad}
        bands.add(band)
        rows.append({"_id": 10 * number + curve["number"]} | position | camera | shares | shared)
    truth = position | {"kind": kind, "period": star.period, "shown_period": shown}
    truth["amplitude"] = max(np.ptp(c["offsets"]) for c in curves if c["band"] == curves[-1]["band"])
    truth["tags"] = " ".join(entry.partition(":")[0] for entry in tags)
    return rows, [(c["times"], c["mag"], c["err"]) for c in curves], truth


def _normalise_mix(mix):
    """Return the weights of the kinds, whose sum is 1, and how well people notice wrong periods."""
    weights = read_mix(mix) if isinstance(mix, str) else mix
    check_names("kind", weights, read_kinds())
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"the weights of mix cannot be negative or all zero: {dict(weights)}")
    noticed = votes.NOTICED[mix if isinstance(mix, str) else "natural"]
    return {name: weight / total for name, weight in weights.items()}, noticed


def simulate(n_stars, seed=0, mix="natural", first=0):
    """Make labelled light curves of a survey like ZTF.

    A star depends on `seed`, `mix` and its number alone, not on `n_stars`.

    Parameters
    ----------
    n_stars : int
        Number of stars; each has one to four light curves.
    seed : int
        Entropy of the random generators.
    mix : str or dict
        "natural" (the classes as in SCoPe's training set), "sample" (stratified, so that every tag has enough), or
        kind -> relative weight, with the kinds of `kinds.yaml`.
    first : int
        Number of the first star: surveys can be made in parts.

    Returns
    -------
    light_curves : LightCurves
        Their `meta` holds the 53 labels as vote shares and the catalogue columns, where 0 means no match.
    truth : pandas.DataFrame
        One row per star: `obj_id`, `kind`, `period` and the `shown_period` of the people who voted (days, NaN if
        aperiodic), `amplitude` (mag, range of the true variation at the epochs of the survey in the reddest band),
        `tags` (all that belong to the kind, whether people noticed them or not), `ra`, `dec` (degrees).

    Raises
    ------
    ValueError
        If `mix` names an unknown kind or has no positive weight.
    """
    if n_stars < 1:
        raise ValueError(f"n_stars must be at least 1, not {n_stars}")
    weights, noticed = _normalise_mix(mix)
    made = [
        _make_star(number, weights, noticed, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,))))
        for number in range(first, first + n_stars)
    ]
    rows, curves, truth = zip(*made, strict=True)
    time, mag, err = zip(*(c for star in curves for c in star), strict=True)
    light_curves = LightCurves.from_lists(pd.DataFrame([r for star in rows for r in star]), time, mag, err)
    columns = ["obj_id", "kind", "period", "shown_period", "amplitude", "tags", "ra", "dec"]
    return light_curves, pd.DataFrame(list(truth))[columns]


def _write_part(parts, first, n_stars, seed, mix, features):
    """Simulate some stars of a survey, and write them as one part, which is named by its first star."""
    from scope_nb.dataset.tables import write_parquet
    from scope_nb.features.extract import featurize
    from scope_nb.lightcurves.readers import write_lightcurves

    curves, truth = simulate(n_stars, seed, mix, first)
    with parts.write(f"{first:07d}") as part:
        write_lightcurves(curves, part / "lightcurves.parquet")
        write_parquet(truth, part / "truth.parquet")
        if features:
            table = featurize(curves.clean(), n_jobs=1, progress=False)
            table.attrs = {"simulated": True, "seed": seed, "mix": mix}
            write_parquet(table, part / "training_set.parquet")


def _join(parts, name, path, rows=None):
    """Join the files `name` of many parts into one; `rows(table)` is the mask of the rows to keep."""
    from scope_nb.dataset.long_work import write_in_turn

    tables = (read_arrow(part / f"{name}.parquet") for part in parts)
    write_in_turn(tables if rows is None else (table.filter(rows(table)) for table in tables), path)


def write_survey(out, n_stars, seed=0, mix="natural", features=True, keep=None, prefix="", n_jobs=-1):
    """Write a simulated survey of any size; an interrupted run goes on where it stopped.

    Parts of 100 stars are made in parallel and kept beside the result until all are complete.

    Parameters
    ----------
    out : path-like
        Folder for `lightcurves.parquet`, `truth.parquet` and `training_set.parquet`.
    n_stars, seed, mix
        See `simulate`; `mix` is a name here.
    features : bool
        Make the training table too, which takes much longer than all the rest.
    keep : int, optional
        Write the light curves of so many stars only, those of the test part first.
    prefix : str
        Put before the file names.
    n_jobs : int
        Processes; -1 for all cores.

    Returns
    -------
    pandas.DataFrame
        The result of `count_labels`.
    """
    from scope_nb.dataset.splits import parts_of_stars

    out = Path(out)
    work = Parts(out / f"{prefix}survey", [n_stars, seed, mix, features, PART, __version__, read_kinds()])
    starts = {f"{start:07d}": start for start in range(0, n_stars, PART)}
    missing = [starts[name] for name in work.missing(starts)]
    tasks = (delayed(_write_part)(work, start, min(PART, n_stars - start), seed, mix, features) for start in missing)
    done = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(starts), initial=len(starts) - len(missing), unit="part"):
        pass
    parts = [work.folder / name for name in starts]
    names = pd.concat(read_arrow(part / "truth.parquet", ["obj_id"]).to_pandas() for part in parts)["obj_id"]
    kept = pa.array(names.iloc[np.argsort(parts_of_stars(names) != "test", kind="stable")[:keep]])
    for name in PRODUCTS if features else PRODUCTS[:2]:
        rows = (lambda t: pa.compute.is_in(t["object_id"], kept)) if name == "lightcurves" and keep else None
        _join(parts, name, out / f"{prefix}{name}.parquet", rows)
    columns = ["object_id", *label_names()]
    shares = pd.concat(read_arrow(part / "lightcurves.parquet", columns).to_pandas() for part in parts)
    work.remove()
    return count_labels(shares.rename(columns={"object_id": "obj_id"}))
