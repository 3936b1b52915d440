"""How much votes gain, by the strategy that asks for them: full gain curves with simulated voters.

    python tests/benchmarks/active_learning.py [FOLDER | FEATURES.parquet] [SEEDS] [TAG ...]

FOLDER holds a survey that data/simulate made; the embedded sample by default. There the voter answers with the errors
of the people who voted, and the test part is scored on the truth. FEATURES are those of the real stars of Catalina
(`featurize` of realdata/catalina.parquet), whose catalogue labels are both the votes and what is scored.

For each tag a table is printed: the mean score over ten rounds of 20 votes, its difference to random choice with the
95 % interval over seeds, and how many positive stars were found. Each seed has its own split, so that a rare tag is not
judged by the same few test stars every time: the stars get other names, from which the split follows.
"""

import sys
import time
import warnings
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from scope_nb import Dataset, files
from scope_nb.dataset import read_table
from scope_nb.labelling import compare_strategies, simulate_rounds
from scope_nb.labelling.strategies import STRATEGIES

TAGS = {"simulated": ["e", "ceph2", "wvir"], "catalina": ["e", "rrblz", "ceph2"]}
CLASSES = {"e": ["EA", "Ecl(EW/EB)", "EW"], "rrblz": ["Blazhko", "RRAB/BL"], "ceph2": ["Cep-II", "CWA", "CWB"]}


def read_simulated(folder, tag):
    """Return the table of a simulated survey, whether each light curve truly has a tag, and the label column."""
    paths = [Path(folder) / f"{n}.parquet" if folder else files.sample(n) for n in ("training_set", "truth")]
    table, truth = map(read_table, paths)
    tags_of = truth.set_index("obj_id")["tags"].str.split()
    return table, np.array([tag in names for names in tags_of.loc[table["obj_id"]]]), None


def read_catalina(path, tag):
    """Return features of Catalina stars with a label column, whether each has the tag, and the name of the column."""
    table = read_table(path)
    has = table["label"].isin(CLASSES[tag]).to_numpy()
    return table.drop(columns="label").assign(answer=has.astype(float)), has, "answer"


def split_anew(table, truth, tag, label, seed, **cut):
    """Return the data set of one tag with another split, in whose test part three true stars lie, and its truth."""
    for k in count():
        renamed = table.assign(obj_id=table["obj_id"].astype(str) + f" {seed} {k}")
        try:
            dataset = Dataset.read(renamed, tag, label=label, dmdt=False, **cut)
        except ValueError:  # a part has no positive star
            continue
        true = truth[dataset.row]
        if len(set(dataset.star[true & (dataset.part == "test")])) >= 3:
            return dataset, true


def main(source="", seeds=5, *tags):
    """Print the tables of all tags."""
    warnings.simplefilter("ignore")
    real = str(source).endswith(".parquet")
    cut = {"features": "light curve"} if real else {}
    for tag in tags or TAGS["catalina" if real else "simulated"]:
        table, truth, label = read_catalina(source, tag) if real else read_simulated(source, tag)
        parts, begin, n_test = [], time.monotonic(), []
        for seed in range(int(seeds)):
            dataset, true = split_anew(table, truth, tag, label, seed, **cut)
            n_test.append(len(set(dataset.star[true & (dataset.part == "test")])))
            parts.append(simulate_rounds(dataset, true, list(STRATEGIES), [seed], progress=False))
        gains = pd.concat(parts)
        print(
            f"\n{tag}: {len(n_test)} seeds, {np.mean(n_test):.0f} positive test stars, {time.monotonic() - begin:.0f} s"
        )
        for metric in ("average_precision", "f1_score"):
            ends = gains[gains["votes"].isin([0, gains["votes"].max()])].groupby(["strategy", "votes"])[metric].mean()
            table_of = compare_strategies(gains, metric).round(3).join(ends.unstack().round(3).add_suffix(" votes"))
            print(f"{metric}\n{table_of.to_string()}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
