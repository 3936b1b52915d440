"""The command line: `python -m scope_nb`."""

import argparse

import yaml

from .config import run_settings
from .dataset.dataset import trainable
from .files import existing, group_of, reports_folder, sample
from .report import compare_report, train_reports
from .runs.ensemble import shared_tags
from .taxonomy import tags


def main(arguments=None):
    """Train classifiers, average and compare them, write their reports and an index of them."""
    parser = argparse.ArgumentParser(description=main.__doc__, prog="python -m scope_nb")
    parser.add_argument("command", choices=["report"], help="what to do")
    parser.add_argument("--tags", nargs="+", default=[], help="tags, or 'all' that the data can train (vnv)")
    parser.add_argument("--algorithms", nargs="+", default=["xgb"], help="xgb, forest, dnn, rnn")
    parser.add_argument("--group", default="", help="name of this set of runs (that of the data)")
    parser.add_argument("--reports", default="", help="folder of the runs (the project's reports/)")
    parser.add_argument("--data", default="", help="training table (the simulated sample)")
    parser.add_argument("--features", default="", help="feature set: 'light curve' does without catalogues")
    parser.add_argument("--resume", action="store_true", help="skip the runs that are there already")
    parser.add_argument("--ensemble", nargs="+", default=[], metavar="ALGORITHM", help="average runs of these, per tag")
    parser.add_argument("--compare", action="store_true", help="end in a page that compares the runs")
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter of train.ipynb"
    )
    try:
        pages, failures = _train(parser.parse_args(arguments))
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    for page in pages:
        print(f"report: {page}")
    for failure in failures:
        print(f"failed: {failure}")
    raise SystemExit(1 if failures else 0)


def _train(given):
    """Carry out the command line: settle data and tags, and train."""
    more = {name: yaml.safe_load(value) for name, value in given.p}
    for name, option in {"tag": "tags", "algorithm": "algorithms", "group": "group", "reports": "reports"}.items():
        if name in more:
            raise ValueError(f"-p {name} is said by --{option} here")
    if given.features:
        more["features"] = given.features
    if given.data:
        more["data"] = str(existing(given.data).resolve())
    if more.get("config"):
        more["config"] = str(existing(more["config"]).resolve())
        more.setdefault("data", run_settings("vnv", more["config"])["data"])
    group = given.group or group_of(more.get("data", ""))
    names = given.tags or ([] if given.ensemble or given.compare else ["vnv"])
    if names == ["all"]:
        names = _all_tags(more)
    pages, failures = train_reports(names, given.algorithms, given.reports, group, given.resume, **more)
    if given.ensemble:
        shared = shared_tags(given.ensemble, group, given.reports)
        made = train_reports(shared, ["+".join(given.ensemble)], given.reports, group, given.resume, **more)
        pages, failures = pages + made[0], failures + made[1]
    if given.compare:
        pages.append(compare_report(given.reports, group))
    print(f"index: {reports_folder(given.reports) / 'index.html'}")
    return pages, failures


def _all_tags(parameters):
    """Return the tags that the data can train with these parameters of `train.ipynb`, and print the others."""
    config = parameters.get("config", "")
    given = {name: parameters.get(name) for name in ("features", "period_suffix", "threshold", "balance", "data")}
    chosen = {tag: run_settings(tag, config, **given) for tag in tags().index}
    more = {"split": parameters.get("split") or "star", "seed": parameters.get("seed", 42)}
    data = next(iter(chosen.values()))["data"] or sample()
    names, reasons = trainable(data, {tag: settings["cut"] | more for tag, settings in chosen.items()})
    if not names:
        raise ValueError(
            f"no tag can be trained on this table; the first of the reasons: {next(iter(reasons.values()))}"
        )
    print(f"{len(names)} tags can be trained; not: {', '.join(reasons) or 'none'}")
    return names


if __name__ == "__main__":
    main()
