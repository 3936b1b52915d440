"""The command line: `python -m scope_nb`. Each command imports what it needs, so that help comes at once."""

import argparse
import io
import sys
import warnings

OPTION_OF = {"tag": "tags", "algorithm": "algorithms", "group": "group", "reports": "reports"}


def main(arguments=None):
    """Carry out one command and end the program: 0 if all went well, 1 if a run failed, or with an error message."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter that the console lacks must not end a training
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return
    try:
        _require_readable(sys.argv[1:] if arguments is None else arguments)
        commands = {"report": _report, "index": _index, "classify": _classify, "features": _features, "fetch": _fetch}
        failures = commands[options.command](options)
    except (ValueError, OSError, ImportError) as error:
        raise SystemExit(f"error: {' '.join(str(error).split())}") from error
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(1 if failures else 0)


def _require_readable(arguments):
    """Raise a `ValueError` for an argument with letters that Python could not read in this locale."""
    for text in arguments:
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(f"{text!a} has letters that this locale has no name for: set PYTHONUTF8=1")


def _parser():
    parser = argparse.ArgumentParser("python -m scope_nb", description="Classifiers of variable stars.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    text = "train classifiers, average and compare them, write their reports and an index of them"
    report = commands.add_parser("report", help=text, description=text.capitalize() + ".")
    report.add_argument("--tags", nargs="+", default=[], help="tags, or 'all' that the data can train (vnv)")
    algorithms = "xgb, forest, dnn, rnn, scope_dnn, scope or a mean of runs such as xgb+forest (xgb)"
    report.add_argument("--algorithms", nargs="+", default=[], help=algorithms)
    report.add_argument("--group", default="", help="name of this set of runs (that of the data)")
    report.add_argument("--data", default="", help="training table (the simulated sample)")
    report.add_argument("--features", default="", help="feature set: 'light curve' does without catalogues")
    text = "keep the runs that were made with the same parameters, data, notebook and version"
    report.add_argument("--resume", action="store_true", help=text)
    report.add_argument(
        "--limit", type=float, default=1440.0, metavar="MINUTES", help="most that a run may take (a day; 0: no limit)"
    )
    report.add_argument("--jobs", type=int, default=1, metavar="N", help="runs side by side (1; -1: as many as cores)")
    report.add_argument("--client", metavar="ADDRESS", help="train on a Dask cluster, such as tcp://10.0.0.1:8786")
    report.add_argument(
        "--ensemble", nargs="+", default=[], metavar="ALGORITHM", help="average saved runs of these, per tag"
    )
    report.add_argument("--compare", action="store_true", help="end in a page that compares the runs")
    text = "a parameter of train.ipynb"
    report.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help=text)
    text = "rewrite index.html, the page of all runs"
    index = commands.add_parser("index", help=text, description=text.capitalize() + ".")
    for command in (report, index):
        command.add_argument("--reports", default="", help="folder of the runs (the project's reports/)")
    _add_classify(commands)
    _add_features(commands)
    _add_fetch(commands)
    return parser


def _add_classify(commands):
    text = "say what stars are: a catalogue by all classifiers of a group, which are trained where there are none"
    classify = commands.add_parser("classify", help=text, description=text.capitalize() + ".")
    classify.add_argument("curves", nargs="+", help="files or folders of light curves, in any layout")
    classify.add_argument("--group", default="", help="the classifiers (stars, or stars-DATA)")
    classify.add_argument("--data", default="", help="training table for those that are missing (the simulated sample)")
    classify.add_argument("--output", default="", help="folder of the catalogue (catalogue-NAME beside the runs)")
    classify.add_argument("--false-alarms", type=float, help="expected share of false labels, in place of thresholds")
    classify.add_argument("--top", type=int, help="label so many stars of each tag, the most probable ones")
    classify.add_argument("--no-repair", action="store_true", help="leave probabilities that contradict each other")
    classify.add_argument("--reports", default="", help="folder of the runs (the project's reports/)")
    _add_cuts(classify)
    _add_workers(classify, "work on a survey part by part, ")


def _add_features(commands):
    text = "make the features of a survey of light curves part by part; what is done is kept"
    features = commands.add_parser("features", help=text, description=text.capitalize() + ".")
    features.add_argument("curves", nargs="+", help="files or folders of light curves, or a HATS catalogue")
    features.add_argument("--output", required=True, help="folder of the features")
    features.add_argument("--device", default="cpu", help="cpu, cuda or auto (cpu)")
    _add_cuts(features)
    _add_workers(features, "")


def _add_cuts(command):
    command.add_argument("--min-epochs", type=int, help="light curves with fewer epochs are left out (50)")
    command.add_argument("--min-cadence-minutes", type=float, help="closer epochs are thinned (30; 0 keeps all)")


def _add_workers(command, text):
    command.add_argument("--jobs", type=int, metavar="N", help=f"{text}in so many processes (-1: as many as cores)")
    command.add_argument("--client", metavar="ADDRESS", help=f"{text}on a Dask cluster, such as tcp://10.0.0.1:8786")
    command.add_argument("--part-rows", type=int, metavar="N", help="light curves of a part (1000)")


def _survey_options(options):
    """Return the survey of a command line, and the options of the functions of surveys."""
    source = options.curves[0] if len(options.curves) == 1 else options.curves
    cadence = options.min_cadence_minutes
    values = {name: getattr(options, name) for name in ("client", "part_rows", "min_epochs")}
    values["jobs"] = -1 if options.jobs is None else options.jobs
    return source, values | {"reading": {} if cadence is None else {"min_cadence_minutes": cadence}}


def _print_outcomes(outcomes):
    """Print what became of the stages of a survey, and return what failed."""
    for outcome in outcomes:
        print(outcome)
    failed = [
        f"{outcome.manifest.path(name)}: {error}" for outcome in outcomes for name, error in outcome.failed.items()
    ]
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    if failed:
        print(f"the same call tries {'them' if len(failed) > 1 else 'it'} again")
    return failed


def _features(options):
    """Make the features of a survey."""
    from .survey import featurize_survey

    source, values = _survey_options(options)
    outcome = featurize_survey(source, options.output, device=options.device, **values)
    print(f"features: {outcome.manifest.folder}")
    return _print_outcomes([outcome])


def _classify_survey(options, group, folder):
    """Write the catalogue of a survey part by part."""
    from .star_plots import name_label
    from .survey import classify_survey

    if options.top is not None:
        raise ValueError("--top ranks all stars at once; a survey is worked on part by part: leave it out")
    source, values = _survey_options(options)
    values |= {"repair": not options.no_repair, "false_alarms": options.false_alarms}
    outcomes = classify_survey(source, group, folder, options.reports, **values)
    for label, count in outcomes["stars"].count_labels().items():
        print(f"{name_label(label):<30} {count:>12,}")
    print(f"catalogue: {folder}")
    return _print_outcomes(outcomes.values())


def _classify(options):
    """Train the classifiers of a group that are missing, and write the catalogue of some light curves."""
    from pathlib import Path

    from .lightcurves import read_lightcurves
    from .runs import catalogue_folder, check_request, classify, stars_group, train_group
    from .star_plots import name_label

    group, is_survey = options.group or stars_group(options.data), not (options.jobs is None and options.client is None)
    limits = {"min_epochs": options.min_epochs, "false_alarms": options.false_alarms, "top": options.top}
    curves = None if is_survey else read_lightcurves(options.curves, 1, options.min_cadence_minutes, bad="drop")
    check_request(curves, **limits)  # before classifiers are trained
    kind = "survey" if is_survey else "catalogue"
    folder = options.output or catalogue_folder(options.curves, options.reports, kind)
    if options.data or group == "stars":  # another group is one of the user's own
        reasons = train_group(group, options.data, options.reports)
        if reasons:
            print(f"not trained: {', '.join(reasons)}")
    if is_survey:
        return _classify_survey(options, group, folder)
    catalogue = classify(curves, group, options.reports, repair=not options.no_repair, **limits)
    catalogue.record["curves"] = [str(Path(path).absolute()) for path in options.curves]
    catalogue.record["min_cadence_minutes"] = options.min_cadence_minutes
    folder = catalogue.write(folder)
    if catalogue.record["simulated"]:
        print("The classifiers rest on simulated data: --data trains them on a real training table.")
    print(catalogue.stars["label"].map(name_label).value_counts().to_string(header=False))
    if short := len(curves) - len(catalogue.curves):
        print(f"{short} of {len(curves)} light curves have too few epochs, and no row in curves.csv")
    print(f"catalogue: {folder}")
    return []


def _add_fetch(commands):
    text = "get public data: SCoPe's training set and trained models, ZTF's light curves"
    fetch = commands.add_parser("fetch", help=text, description=text)
    data = fetch.add_subparsers(dest="data", metavar="DATA", required=True)
    table = data.add_parser("training-set", help="SCoPe's training set")
    table.add_argument("--fraction", type=float, default=1.0, help="draw this fraction of it as well (0.1: hackathon)")
    models = data.add_parser("models", help="the classifiers that SCoPe trained")
    circle = data.add_parser("lightcurves", help="ZTF's light curves around a position")
    circle.add_argument("--ra", type=float, required=True, help="right ascension in degrees")
    circle.add_argument("--dec", type=float, required=True, help="declination in degrees")
    circle.add_argument("--radius", type=float, default=5.0, help="in arcseconds (5)")
    bulk = data.add_parser("bulk", help="all of ZTF's light curves of a field")
    bulk.add_argument("field", type=int, nargs="+", help="number of a field of ZTF")
    bulk.add_argument("--ccd", type=int, nargs="+", default=range(1, 17), help="1 to 16 (all)")
    bulk.add_argument("--quad", type=int, nargs="+", default=range(1, 5), help="quadrants, 1 to 4 (all)")
    for command in (circle, bulk):
        command.add_argument("--band", nargs="+", default=["g", "r", "i"], help="g, r, i (all)")
        command.add_argument("--release", type=int, help="data release of ZTF")
    for command in (table, models, circle, bulk):
        command.add_argument("--folder", default="", help="where the files are put (the project's data/)")
        command.add_argument("--server", default="", help="address of a mirror")


def _fetch(options):
    """Download public data, and print what to do next with them."""
    from . import fetch

    arguments = {"folder": options.folder, "server": options.server}
    if options.data == "training-set":
        path = fetch.fetch_training_set(fraction=options.fraction, **arguments)
        print(f"next: make report DATA={_shown(path)}")
    elif options.data == "models":
        for folder in fetch.fetch_models(**arguments):
            print(f"unpacked: {_shown(folder)}")
        print("next: papermill notebooks/train.ipynb out.ipynb -p algorithm scope -p start_from FILE.json -p tag TAG")
    else:
        arguments |= {"bands": options.band, "release": options.release}
        if options.data == "lightcurves":
            paths = [fetch.fetch_light_curves(options.ra, options.dec, options.radius, **arguments)]
        else:
            cut = {"ccds": options.ccd, "quadrants": options.quad}
            paths = [path for field in options.field for path in fetch.fetch_bulk(field, **cut, **arguments)]
        for place in dict.fromkeys(path.parent if options.data == "bulk" else path for path in paths):
            print(f"light curves: {_shown(place)}")
        print(f"next: papermill notebooks/features.ipynb out.ipynb -p light_curves {_shown(paths[0])} -p most 0")
    return []


def _shown(path):
    """Return a path as it is typed from here."""
    from pathlib import Path
    from shlex import quote

    return quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _index(options):
    from .report import write_index

    print(f"index: {write_index(options.reports)}")
    return []


def _report(options):
    """Train, average and compare; print pages and failures, also if it ends early, and return the failures."""
    from .files import reports_folder
    from .report import Interrupted

    pages, failures = [], []
    try:
        for more_pages, more_failures in _steps(options):
            pages, failures = pages + more_pages, failures + more_failures
    except Interrupted as stop:
        pages, failures = pages + stop.pages, failures + stop.failures
        raise
    except (ValueError, OSError) as error:
        if not pages and not failures:  # nothing was done yet
            raise
        failures.append(str(error))
    finally:
        if pages or failures:
            print(f"index: {reports_folder(options.reports) / 'index.html'}")
        for page in pages:
            print(f"report: {page}")
        for failure in failures:
            print(f"failed: {' '.join(failure.split())}", file=sys.stderr)
    return failures


def _steps(options):
    """Train, average and compare, and yield the pages and failures of each step."""
    from .files import group_of
    from .report import compare_report, resolve_tags, train_reports
    from .runs.ensemble import shared_tags

    if len(options.ensemble) == 1:
        raise ValueError(f"--ensemble averages at least two algorithms, not {options.ensemble[0]} alone")
    parameters = _parameters(options)
    group = options.group or group_of(parameters.get("data", ""))
    only_saved = (options.ensemble or options.compare) and not options.algorithms  # nothing is trained anew
    names = options.tags or ([] if only_saved else ["vnv"])
    if names == ["all"]:
        names = _all_tags(parameters)
    where = (options.reports, group, options.resume, options.limit, options.client, options.jobs)
    if not only_saved:
        yield train_reports(names, options.algorithms or ["xgb"], *where, **parameters)
    if options.ensemble:
        shared = shared_tags(options.ensemble, group, options.reports)
        if names:
            tags = resolve_tags(names, parameters.get("data", ""), parameters.get("config", ""))
            shared = [tag for tag in shared if tag in tags]
        yield train_reports(shared, ["+".join(options.ensemble)], *where, **parameters)
    if options.compare:
        yield [compare_report(options.reports, group, options.limit)], []


def _parameters(options):
    """Return the parameters of `train.ipynb` that a command line sets, checked; of files the absolute paths."""
    from .config import read_config
    from .files import existing_file, project_folder
    from .notebook import check_parameters, read_value, usual_parameters

    values = {name: read_value(text) for name, text in options.p}
    values |= {name: getattr(options, name) for name in ("features", "data") if getattr(options, name)}
    cell, more = usual_parameters(project_folder() / "notebooks" / "train.ipynb")
    values = check_parameters(values, more | cell, "parameter of train.ipynb")
    for name in (*values, *values.get("more", {})):
        if name in OPTION_OF:
            raise ValueError(f"-p {name} is said by --{OPTION_OF[name]} here")
    if values.get("config"):
        values["config"] = str(existing_file(values["config"]).resolve())
        values["data"] = values.get("data") or read_config(values["config"])["data"]
    if values.get("data"):
        values["data"] = str(existing_file(values["data"]).resolve())
    return values


def _all_tags(parameters):
    """Return the tags that the data can train with these parameters of `train.ipynb`, and print the others.

    They are SCoPe's, the classes of `config.yaml`, and the labels of one's own in the table (`dataset.own_labels`).
    """
    from .config import SETTINGS, find_table, read_config, run_settings
    from .dataset.dataset import find_own_labels, trainable
    from .taxonomy import tags

    config = parameters.get("config", "")
    path, classes = find_table(parameters.get("data", ""), config), read_config(config)["classes"]
    threshold = parameters.get("threshold")
    own = find_own_labels(path, threshold) if isinstance(threshold, int | float) else find_own_labels(path)
    own = [name for name in own if name not in {entry["label"] for entry in classes.values()}]
    values = {name: parameters[name] for name in SETTINGS if name in parameters}
    split = {name: parameters[name] for name in ("split", "seed") if name in parameters}
    cuts, unusable = {}, {}
    for name in dict.fromkeys([*tags().index, *classes, *own]):
        try:
            cuts[name] = run_settings(name, config, own, **values)["cut"] | split
        except ValueError as error:
            unusable[name] = str(error)
    good, reasons = trainable(path, cuts)
    reasons |= unusable
    if not good:
        raise ValueError(f"no tag can be trained on this table; the first reason: {next(iter(reasons.values()))}")
    print(f"{len(good)} tags can be trained; not: {', '.join(reasons) or 'none'}")
    return good


if __name__ == "__main__":
    warnings.formatwarning = lambda message, *_: f"warning: {message}\n"  # without the line of code
    main()
