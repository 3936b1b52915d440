"""What SCoPe leaves on disk: its scores, its predictions, its trained trees."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..dataset.dataset import PARTS
from ..dataset.tables import read_table
from ..files import read_json
from ..taxonomy import find_tag

STATS = ("accuracy", "precision", "recall", "f1_score", "roc_auc")


def read_stats(folder):
    """Read the scores of SCoPe's runs: `models_ALGORITHM/GROUP/TAG/TAG.TIME_plots/PART/TAG.TIME_stats.json`.

    `folder` holds `models_dnn` and `models_xgb`, or is any folder below. There is a row for each run and part, the
    newest run of a tag last: `algorithm`, `group`, `tag`, `time`, `part`, `STATS` (NaN where SCoPe has none), `path`.
    """
    rows = []
    for path in sorted(Path(folder).resolve().glob("**/*_plots/*/*_stats.json")):
        names = path.parts[-6:]
        if path.parent.name not in PARTS or len(names) < 6:
            continue
        tag, _, when = path.name.removesuffix("_stats.json").partition(".")
        row = {"algorithm": names[0].removeprefix("models_"), "group": names[1], "tag": find_tag(tag), "time": when}
        rows.append(row | {"part": path.parent.name, **_read_scores(path), "path": path})
    if not rows:
        raise ValueError(
            f"{folder} holds no scores of SCoPe, such as models_xgb/GROUP/TAG/TAG.TIME_plots/test/*_stats.json"
        )
    return pd.DataFrame(rows).sort_values(["algorithm", "group", "tag", "time"], kind="stable", ignore_index=True)


def _read_scores(path):
    """Return the five scores of one file; a score may stand alone or at the end of a list by epoch."""
    scores = dict.fromkeys(STATS, np.nan)
    try:
        stats = read_json(path)
        if not isinstance(stats, dict) or not set(STATS) & set(stats):
            raise ValueError(f"none of {', '.join(STATS)}")
        for name in set(STATS) & set(stats):
            last = stats[name][-1] if isinstance(stats[name], list) else stats[name]
            scores[name] = np.nan if last is None else float(last)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"{path} does not hold SCoPe's scores: {error}") from error
    return scores


def read_predictions(path):
    """Read a table of SCoPe's predictions: the probabilities `TAG_dnn` and `TAG_xgb` of each light curve, and more."""
    table = read_table(path)
    names = prediction_columns(table)
    if names.empty:
        raise ValueError(f"{path} has no predictions: no column is named TAG_dnn or TAG_xgb")
    for name in names["column"]:
        values = pd.to_numeric(table[name], errors="coerce")
        if not (values.between(0, 1) | table[name].isna()).all():
            raise ValueError(f"{path}: {name} holds something else than probabilities from 0 to 1")
    return table


def prediction_columns(table):
    """Return which columns are predictions: `column`, `tag`, `algorithm`."""
    names = pd.Series(list(table)).astype(str).str.extract(r"^(?P<column>(?P<tag>.*)_(?P<algorithm>dnn|xgb))$").dropna()
    return names.assign(tag=names["tag"].map(find_tag))
