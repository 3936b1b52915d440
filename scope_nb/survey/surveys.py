"""Features and catalogues of whole surveys: `featurize` and `classify` of what is too large for memory."""

import json
import warnings
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path

from ..dataset.long_work import source_of
from ..dataset.tables import open_table, read_parquet, write_parquet
from ..features.extract import NothingUsable, featurize
from ..files import reports_folder
from ..periods.gpu import choose_device
from ..runs import catalogue
from ..runs.group_models import list_group, load_group, warn_of_missing
from ..runs.novelty import UNUSUAL, describe_share, group_novelty
from ..runs.saved import provenance
from ..taxonomy import defaults
from ..writing import lock, write_atomically
from .consolidation import describe_extent, find_meeting, join_stars
from .hats_catalogues import open_hats, write_hats
from .partitions import Partition, list_partitions
from .stages import Task, run_stage
from .workers import connect


def featurize_survey(
    source, output, reading=None, part_rows=None, client=None, jobs=-1, progress=True, min_epochs=None, **options
):
    """Make the features of all light curves of a survey, part by part, into `OUTPUT/features/`.

    What is whole and was made of the same files, with the same settings and version, is kept. A part that fails is
    recorded in `OUTPUT/features/_manifest.jsonl`, with its error, and the others go on; the next call tries it again.

    Parameters
    ----------
    source, part_rows
        The survey, and the rows of a part; see `partitions.list_partitions`.
    output : path-like
        A folder. That another process works on it is a `BlockingIOError`.
    reading : dict, optional
        Options of `read_lightcurves`. Unusable epochs are left out, unless it has `bad="raise"`.
    client : distributed.Client or str, optional
        A Dask client, or the address of a scheduler, whose workers reach the same files; by default processes of this
        machine do the work.
    jobs : int
        How many processes without a client (-1: as many as there are cores). On a GPU one process does the work.
    min_epochs : int, optional
        Light curves with fewer epochs (50 by default) are counted, and left out.
    options
        Further ones of `featurize`.

    Returns
    -------
    Outcome
        What was made, what was kept and what `failed`. `OUTPUT/features.failures.csv` lists single light curves. Of a
        HATS catalogue `OUTPUT/features-hats/` is one, too, once nothing has failed.
    """
    folder, work = Path(output).expanduser().absolute(), {"client": connect(client), "jobs": jobs, "progress": progress}
    partitions = list_partitions(source, part_rows)
    catalog = open_hats(source)
    with lock(folder, wait=False):
        outcome = _make_features(folder, partitions, reading, min_epochs, options, work)
        if catalog is not None:
            _write_hats(folder, catalog, outcome, [outcome], work)
    return outcome


def classify_survey(
    source,
    group,
    output,
    reports="",
    combine="mean",
    repair=True,
    false_alarms=None,
    min_epochs=None,
    trusted=(),
    reading=None,
    part_rows=None,
    client=None,
    jobs=-1,
    progress=True,
    **options,
):
    """Write what every run of a group says of a survey, part by part: a catalogue of light curves, and one of stars.

    Below `output` are `features/` (of a survey of light curves), `curves/` (a row for each light curve: identity,
    period, surprise and `TAG_ALGORITHM`; of a HATS catalogue also `curves-hats/`, which is one, once nothing has
    failed), `stars/` (as `Catalogue.stars`), `columns.csv` and `provenance.json`. A star
    belongs to the first part that has a light curve of it, and has those of all parts, told by name or position. Its
    period is that of its longest light curve. Light curves with too few epochs are counted, and of no star; runs that
    look at light curves themselves say nothing.

    Parameters
    ----------
    source, output, reading, part_rows, client, jobs, options
        See `featurize_survey`; `source` may hold features, too.
    group, reports, combine, repair, false_alarms, min_epochs, trusted
        See `runs.classify`.

    Returns
    -------
    dict of str to Outcome
        For "features", "curves" and "stars", as far as there are such.
    """
    catalogue.check_request(None, None, combine, false_alarms)
    folder, work = Path(output).expanduser().absolute(), {"client": connect(client), "jobs": jobs, "progress": progress}
    runs, partitions, outcomes = list_group(group, reports), list_partitions(source, part_rows), {}
    contents = [f"{row['algorithm']}/{row['tag']} {row['content']}" for _, row in runs.iterrows()]
    settings = {"group": group, "reports": str(reports_folder(reports)), "false_alarms": false_alarms}
    settings |= {"trusted": list(trusted), "runs": contents}
    how, catalog = {"combine": combine, "repair": repair}, open_hats(source)
    with lock(folder, wait=False):
        features = {part.name: (part.describe(), part) for part in partitions if part.has_features}
        if len(features) < len(partitions):
            curves = [part for part in partitions if not part.has_features]
            outcomes["features"] = _make_features(folder, curves, reading, min_epochs, options, work)
            features |= _list_features(outcomes["features"])
        tasks = [Task(part.name, features[part.name][0], features[part.name][1:]) for part in partitions]
        judge = partial(_judge_part, json.dumps(settings))
        outcomes["curves"] = run_stage(folder / "curves", tasks, judge, settings, **work)
        how["thresholds"] = load_group(runs, false_alarms, trusted).thresholds
        tasks = _list_stars(outcomes["curves"])
        outcomes["stars"] = run_stage(folder / "stars", tasks, partial(_label_part, how), how, **work)
        _describe_output(folder, outcomes, runs, settings | how)
        if catalog is not None:
            _write_hats(folder, catalog, outcomes["curves"], outcomes.values(), work)
    return outcomes


def _make_features(folder, partitions, reading, min_epochs, options, work):
    """Carry out the stage of features."""
    reading = {"bad": "drop"} | (reading or {})
    least = defaults()["light_curves"]["min_epochs"] if min_epochs is None else min_epochs
    device = options.get("device", "cpu")
    device = choose_device(device) if work["client"] is None else device  # workers have other devices
    on_gpu, options = device != "cpu", options | {"device": device, "min_epochs": least}
    work = work | ({"jobs": 1} if on_gpu else {})
    settings = {"reading": reading, "defaults": defaults(), "options": {k: _as_json(v) for k, v in options.items()}}
    tasks = [Task(part.name, part.describe(), (part,)) for part in partitions]
    make = partial(_featurize_part, reading, options | {"n_jobs": -1 if on_gpu else 1})
    outcome = run_stage(folder / "features", tasks, make, settings, **work)
    with write_atomically(folder / "features.failures.csv") as temporary:
        outcome.list_failures().to_csv(temporary, index=False, encoding="utf-8")
    return outcome


def _as_json(option):
    """Return an option of `featurize` as JSON can hold it: of functions their source."""
    if isinstance(option, list | tuple):
        return [_as_json(value) for value in option]
    return source_of(option) if callable(option) else option


def _featurize_part(reading, options, path, partition):
    """Write the features of a partition; light curves that are too short are only counted."""
    curves = partition.read_curves(**reading)
    long = curves.long_enough(options["min_epochs"])
    facts = {"rows": 0, "short": len(curves) - len(long), "failures": []}
    if len(long) == 0:
        return facts
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*get no row")  # they are in the manifest
        try:
            table = featurize(long, bad="list", progress=False, **options)
        except NothingUsable as error:
            return facts | {"failures": error.failures.to_dict("records")}
    failures = table.attrs.pop("failures")
    write_parquet(table, path)
    return facts | {"rows": len(table), "failures": failures}


def _list_features(outcome):
    """Return for each part of the stage of features its checksum, and it as a partition; None where there is none."""
    features = {}
    for entry in outcome.entries:
        path, rows = outcome.manifest.path(entry["name"]), (0, entry.get("rows", 0))
        part = Partition(entry["name"], (path,), rows, has_features=True) if entry["sha256"] else None
        features[entry["name"]] = [entry["sha256"]], part
    return features


@lru_cache(maxsize=1)
def _load_models(settings):
    """Return the `GroupModels` and the `Novelty` of a group, once in each worker."""
    values = json.loads(settings)
    group, reports = values["group"], values["reports"]
    models = load_group(list_group(group, reports), values["false_alarms"], values["trusted"])
    return models, group_novelty(group, reports)


def _judge_part(settings, path, partition):
    """Write what all runs say of the rows of a table of features."""
    if partition is None:
        return {"rows": 0}
    models, novelty = _load_models(settings)
    table = catalogue.with_usual_names(partition.read_features())
    probability, missing = models.predict(table)
    rows, unusual = catalogue.identity_of(table), 0
    if novelty is not None:
        rows["surprise"] = novelty.rates(table)
        unusual = int((rows["surprise"] < UNUSUAL).sum())
    write_parquet(rows.join(probability), path)
    return {"rows": len(rows), "missing": missing, "unusual": unusual} | describe_extent(rows)


def _list_stars(outcome):
    """Return the tasks of the stage of stars: each part with those that it meets."""
    manifest, whole = outcome.manifest, outcome.whole
    tasks = {entry["name"]: Task(entry["name"], [], (None, [], [])) for entry in outcome.entries}
    for number, meeting in enumerate(find_meeting(whole)):
        name, others = whole[number]["name"], meeting[meeting != number]
        paths, before = [manifest.path(whole[k]["name"]) for k in others], (others < number).tolist()
        tasks[name] = Task(name, [whole[k]["sha256"] for k in meeting], (manifest.path(name), paths, before))
    return list(tasks.values())


def _label_part(how, path, own, others, before):
    """Write what the stars are that belong to a part; `before` says which of the others come before it."""
    if own is None:
        return {"rows": 0}
    table, star = join_stars(read_parquet(own), map(read_parquet, others), before)
    if table.empty:
        return {"rows": 0}
    described = catalogue.describe_stars(catalogue.identity_of(table).assign(obj_id=star))
    if "surprise" in table:
        described["surprise"] = table["surprise"].groupby(star, sort=False).median().round(4)
    probability = table[[name for name in how["thresholds"] if name in table]]
    labelled, contradictions = catalogue.label_stars(described, probability, star, **how)
    write_parquet(labelled, path)
    counts = labelled["label"].value_counts().to_dict()
    return {"rows": len(labelled), "contradictions": len(contradictions), "labels": counts}


def _write_hats(folder, catalog, outcome, outcomes, work):
    """Write the parts of a stage as a HATS catalogue, once all are there."""
    stage, whole = outcome.manifest.folder.name, outcome.whole
    output = folder / f"{stage}-hats"
    if any(each.failed for each in outcomes) or not whole or (output.is_dir() and not outcome.made):
        return
    parts = [(entry["name"], outcome.manifest.path(entry["name"])) for entry in whole]
    with work["client"].as_current() if work["client"] else nullcontext():
        write_hats(catalog, parts, output, work["progress"])


def _describe_output(folder, outcomes, runs, settings):
    """Write what the columns of a catalogue mean and what it rests on; warn of what holds for all of it."""
    names, missing = [], {}
    for outcome in (outcomes["curves"], outcomes["stars"]):
        for entry in outcome.whole[:1]:
            names += open_table(outcome.manifest.path(entry["name"])).columns
    for entry in outcomes["curves"].whole:
        missing |= entry["missing"]
    rows, simulated = outcomes["curves"].total("rows"), bool(runs["simulated"].any())
    unlike = describe_share(outcomes["curves"].total("unusual") / rows) if rows else ""
    record = provenance(settings, simulated=simulated) | {"unlike the training table": unlike, "simulated": simulated}
    with write_atomically(folder / "columns.csv") as temporary:
        catalogue.explain_columns(names).to_csv(temporary, index=False, encoding="utf-8")
    with write_atomically(folder / "provenance.json") as temporary:
        temporary.write_text(json.dumps(record | {"missing": missing}, indent=1, default=str) + "\n", encoding="utf-8")
    warn_of_missing(missing, len(runs))
    if unlike:
        warnings.warn(unlike, stacklevel=3)
