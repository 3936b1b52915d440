"""Labels of a training table: from class names, and how many there are."""

import pandas as pd

from ..files import existing
from ..taxonomy import CATALOGUES, NEGATIVE_LABEL, as_names, find_tag, labels, scope_statistics, tags


def count_labels(meta, threshold=0.7):
    """Return how many light curves and stars are positive for each label, and how many in SCoPe's training set."""
    positive = meta[labels()] > threshold
    scope = tags().set_index("label")["n_scope"]
    return pd.DataFrame(
        {
            "light curves": positive.sum(),
            "stars": [meta["obj_id"][positive[label]].nunique() for label in positive],
            "SCoPe": scope.reindex(positive.columns),
        }
    )


def compare_medians(table, period_suffix="ELS_ECE_EAOV"):
    """Compare the median of each column with that of SCoPe's training set.

    Catalogue columns are compared for matches only, unless the real median itself is 0: then it counts the missing.

    Returns
    -------
    pandas.DataFrame
        `median`, `SCoPe`, and their `distance` in SCoPe's standard deviations; the furthest first.
    """
    rows = {}
    for name, real in scope_statistics().iterrows():
        column = name if name in table else f"{name}_{period_suffix}"
        if column not in table or name in ("ra", "ccd", "quad", "field"):
            continue
        values = pd.to_numeric(table[column])
        if name.startswith(CATALOGUES) and real["median"] != 0:
            values = values[values != 0]
        median = values.median()
        rows[name] = {"median": median, "SCoPe": real["median"], "distance": (median - real["median"]) / real["std"]}
    frame = pd.DataFrame(rows).T
    return frame.sort_values("distance", key=lambda distance: -distance.abs()) if len(frame) else frame


def read_class_tags(path):
    """Read which tags each class of a catalogue has: a CSV with the columns `class` and `tags` (separated by spaces).

    Returns
    -------
    dict of str to list of str
        For `label_columns`.
    """
    table = pd.read_csv(existing(path), dtype=str, keep_default_na=False)
    if not {"class", "tags"} <= set(table):
        raise ValueError(f"{path} needs the columns 'class' and 'tags'; it has {', '.join(table)}")
    if (twice := table["class"].duplicated()).any():
        raise ValueError(f"{path} has the class {table['class'][twice].iloc[0]!r} twice")
    chosen = dict(zip(table["class"], table["tags"].str.split(), strict=True))
    for tag in {tag for tags_ in chosen.values() for tag in tags_} - {NEGATIVE_LABEL}:
        find_tag(tag)
    return chosen


def label_columns(classes, tags_of):
    """Turn one class name per light curve into the label columns of a training table.

    Parameters
    ----------
    classes : array-like of str, shape (n,)
        Class names (or numbers) as a catalogue gives them.
    tags_of : dict of str to list of str
        The tags (or labels) of each class, parents included.

    Returns
    -------
    pandas.DataFrame, shape (n, 53)
        1 where a class carries a label, else 0.

    Raises
    ------
    ValueError
        If a class is not in `tags_of`, or a tag is unknown.
    """
    classes = as_names(classes)
    missing = sorted(set(classes) - set(tags_of))
    if missing:
        raise ValueError(f"no tags given for the classes {', '.join(name or 'that are missing' for name in missing)}")
    rows = {
        name: [NEGATIVE_LABEL if tag == NEGATIVE_LABEL else tags().loc[find_tag(tag), "label"] for tag in chosen]
        for name, chosen in tags_of.items()
    }
    columns = {label: classes.map({name: float(label in given) for name, given in rows.items()}) for label in labels()}
    return pd.DataFrame(columns)
