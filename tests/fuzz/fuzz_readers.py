"""The readers of the kit that take files from outside, and small files that they read."""

import json
import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 60


def write_files(reader, folder):
    """Write the undamaged files of a reader to a folder and return their paths."""
    return WRITERS[reader](folder)


def small_table():
    """Return a training table of a few columns whose parts all have positives and negatives."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"_id": np.arange(ROWS), "obj_id": [f"star{k}" for k in range(ROWS)]})
    frame = frame.assign(ra=rng.uniform(0, 360, ROWS), dec=rng.uniform(-20, 80, ROWS), eclipsing=np.arange(ROWS) % 2.0)
    frame = frame.assign(wstd=rng.normal(size=ROWS), skew=rng.normal(size=ROWS).astype(np.float32))
    images = np.zeros((ROWS, 26, 26), np.float32)
    images[:, 3, 4] = 1
    frame["dmdt"] = pd.Series(list(images), dtype=object)
    frame.attrs = {"simulated": True, "seed": 3}
    return frame


def small_curves():
    """Return two light curves as a table with a row for each epoch."""
    n = 120
    frame = pd.DataFrame({"oid": np.repeat([123456789012, 7], n // 2), "ra": 10.5, "dec": -3.25, "band": "g"})
    frame = frame.assign(hjd=58000.25 + np.arange(n) * 1.5, mag=15 + np.sin(np.arange(n)), magerr=0.05)
    return frame.assign(catflags=0, field=331, rcid=5)


def write_training_parquet(folder):
    from scope_nb.dataset.tables import write_parquet

    table = small_table()
    write_parquet(table, folder / "checked.parquet")
    arrow = pq.read_table(folder / "checked.parquet")
    pq.write_table(arrow, folder / "plain.parquet", compression="none", use_dictionary=False)
    table.drop(columns="dmdt").to_parquet(folder / "pandas.parquet", compression="snappy")
    return sorted(folder.glob("*.parquet"))


def read_training(path):
    from scope_nb.dataset import Dataset, read_table

    if "dmdt" in read_table(path) and path.suffix == ".csv":
        return  # of a few rows
    Dataset.read(path, "e", features=["wstd", "skew"], derived=False)


def write_training_csv(folder):
    table = small_table()
    dmdt = [json.dumps(image.astype(int).tolist()) for image in table["dmdt"]]
    table.drop(columns="dmdt").to_csv(folder / "features.csv", index=False)
    table.assign(dmdt=dmdt).head(4).to_csv(folder / "dmdt.csv", index=False)
    return sorted(folder.glob("*.csv"))


def write_classes(folder):
    text = "class,tags,labels\nRRAB,vnv rrlyr rrab,blue loop star;odd one\nEA,vnv e ea,\nCONST,non-variable,quiet\n"
    (folder / "classes.csv").write_text(text, encoding="utf-8")
    return [folder / "classes.csv"]


def read_classes(path):
    from scope_nb.dataset.labels import read_class_labels, read_class_tags

    read_class_tags(path)
    read_class_labels(path)


def write_votes(folder):
    from scope_nb.labelling import append_vote

    for who in ("Anna, A.", "Ben"):
        append_vote(folder / "votes.csv", who, "star1", asked=["e", "blue loop star"], tags=["e", "pnp"], period="0.5")
        append_vote(folder / "votes.csv", who, "star2", "don't know")
        append_vote(folder / "votes.csv", who, "star1", "undo")
        append_vote(folder / "votes.csv", who, "star3", asked=["e"])
    return [folder / "votes.csv"]


def read_vote_file(path):
    from scope_nb.labelling import correct_by_votes, count_votes, find_conflicts, make_version, read_votes

    counts = count_votes(read_votes(path))
    find_conflicts(counts)
    with suppress(ValueError):  # people voted for labels that the table lacks
        make_version(small_table(), correct_by_votes(small_table(), counts))


def write_correction_file(folder):
    from scope_nb.dataset import write_corrections

    table = small_table()
    by_curve = table.iloc[:6].assign(label="eclipsing", old=table["eclipsing"], new=0.75, reason='a "reason", no more')
    by_star = by_curve.iloc[1:3].assign(_id="", old=0.75, new=0.25, who="Anna", when="2026-01-01T00:00:00+00:00")
    write_corrections(pd.concat([by_curve.astype({"_id": str}), by_star]).fillna(""), folder / "corrections.csv")
    return [folder / "corrections.csv"]


def read_correction_file(path):
    from scope_nb.dataset import Dataset, apply_corrections, undo_corrections

    corrected = apply_corrections(small_table(), path)
    pd.testing.assert_frame_equal(undo_corrections(corrected, path), small_table())
    Dataset.read(small_table(), "e", features=["wstd", "skew"], derived=False, dmdt=False, corrections=path)


def write_hdf5(folder):
    table = small_table().head(12)
    flat = table.drop(columns="dmdt").assign(flag=True, obj_id=table["obj_id"].where(table.index != 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        flat.to_hdf(folder / "fixed.h5", key="df", mode="w")
        images = pd.Series([image.tolist() for image in table["dmdt"]], dtype=object)
        images.to_hdf(folder / "fixed.h5", key="dmdt")
        flat.to_hdf(folder / "table.h5", key="df", mode="w", format="table", index=False, complevel=1)
    return sorted(folder.glob("*.h5"))


def read_hdf5_table(path):
    from scope_nb.dataset import read_table

    read_table(path)


def write_curves_parquet(folder):
    from scope_nb.lightcurves.curves import LightCurves
    from scope_nb.lightcurves.readers import write_lightcurves

    frame = small_curves()
    frame.to_parquet(folder / "epochs.parquet", compression="none")
    write_lightcurves(LightCurves.from_frame(frame), folder / "lists.parquet")
    structs = [frame.iloc[k : k + 60][["hjd", "mag", "magerr"]].to_dict("records") for k in (0, 60)]
    pq.write_table(pa.table({"objectid": [1, 2], "lc": structs}), folder / "structs.parquet")
    return sorted(folder.glob("*.parquet"))


def read_curves(path):
    from scope_nb.lightcurves import read_lightcurves

    read_lightcurves(path, min_epochs=5, bad="drop")


def write_curves_text(folder):
    frame = small_curves()
    frame.to_csv(folder / "epochs.csv", index=False)
    frame[["hjd", "mag", "magerr"]].to_csv(folder / "three.dat", index=False, header=False, sep=" ")
    stamps = pd.to_datetime(frame["hjd"] - 40587, unit="D").astype(str)
    frame.assign(hjd=stamps).head(40).to_csv(folder / "dates.tsv", index=False, sep="\t")
    return [path for path in sorted(folder.iterdir()) if path.is_file()]


def write_curves_json(folder):
    frame = small_curves().iloc[40:80]
    frame.to_json(folder / "rows.json", orient="records")
    columns = {"detections": {name: values.tolist() for name, values in frame.items()}}
    (folder / "columns.json").write_text(json.dumps(columns), encoding="utf-8")
    return sorted(folder.glob("*.json"))


def write_curves_astropy(folder):
    from astropy.table import Table

    table = Table.from_pandas(small_curves().iloc[40:80])
    table.write(folder / "t.xml", format="votable")
    table.write(folder / "t.fits")
    table.write(folder / "t.ecsv")
    table.write(folder / "t.tbl", format="ascii.ipac")
    return sorted(folder.glob("t.*"))


def write_config(folder):
    text = """
training:
  dataset: tools/set.parquet
  dnn: {dense_branch: true, conv_branch: true, lr: 3.0e-4, epochs: 7, batch_size: 64}
  classes:
    rrlyr: &usual
      label: RR Lyrae
      features: mine
      threshold: 0.7
      balance: 2.5
      weight_per_class: 'true'
      scale_features: min_max
      epsilon: 2e-8
    bls: {<<: *usual, label: blue loop star}
  xgboost:
    gridsearch_params_start_stop_step: {max_depth: [3, 8, 2], subsample: [6, 11, 2]}
    other_training_params: {eta_list: [0.3, 0.1], early_stopping_rounds: 7, num_boost_round: 55, eval_metric: auc}
features:
  info: {period_suffix: ECE}
  mine:
    wstd: {include: true, dtype: float, periodic: false}
    f1_power: {include: true, dtype: float, periodic: true}
  short: [wstd, skew]
"""
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return [folder / "config.yaml"]


def read_config_file(path):
    from scope_nb.config import read_config, run_settings

    config = read_config(path)
    for name in ("vnv", *list(config["classes"])[:2]):
        run_settings(name, path)


def write_trees(folder):
    import xgboost

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["wstd", "skew", "n"])
    for name, more in {"trees": {}, "pruned": {"tree_method": "exact", "gamma": 5}}.items():
        options = {"max_depth": 3, "objective": "binary:logistic", "nthread": 1} | more
        booster = xgboost.train(options, xgboost.DMatrix(X, label=(X["wstd"] > 0).astype(int)), 3)
        booster.save_model(folder / f"{name}.json")
    return sorted(folder.glob("*.json"))


def read_trees(path):
    from scope_nb.models.scope_trees import load_scope_trees

    trees = load_scope_trees(path)
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, len(trees.feature_names_in_))))
    trees.predict_proba(X.set_axis(trees.feature_names_in_, axis=1))
    _ = trees.feature_importances_


def write_scores(folder):
    place = folder / "models_xgb" / "first" / "rrlyr" / "rrlyr.20230101_000000_plots" / "test"
    place.mkdir(parents=True)
    scores = {"accuracy": 0.9, "precision": [0.1, 0.8], "recall": 0.7, "f1_score": None, "roc_auc": [0.99]}
    (place / "rrlyr.20230101_000000_stats.json").write_text(json.dumps(scores), encoding="utf-8")
    return list(place.iterdir())


def read_scores(path):
    from scope_nb.runs.scope_files import read_stats

    place = path.parent / "models_xgb" / "first" / "rrlyr" / "rrlyr.20230101_000000_plots" / "test"
    (place / path.name).write_bytes(path.read_bytes())
    read_stats(path.parent)


def write_run_files(folder):
    from scope_nb import runs
    from scope_nb.scores.evaluation import evaluate_predictions

    rng, n = np.random.default_rng(0), 60
    frame = pd.DataFrame({"row": np.arange(n), "star": [f"s{k}" for k in range(n)], "y": np.arange(n) % 2})
    frame["part"] = np.where(frame.index < 20, "test", np.where(frame.index < 40, "train", "val"))
    frame["probability"] = np.clip(0.3 + 0.4 * frame["y"] + rng.normal(0, 0.2, n), 0, 1)
    record = {"time": "2026-01-01T00:00:00", "data": {"file": "t.parquet", "sha256": "1", "simulated": False}}
    runs.write_run(folder / "whole", evaluate_predictions("rrlyr", frame, 0.5), record)
    return [Path(shutil.copy(path, folder)) for path in sorted((folder / "whole").iterdir())]


def read_run(path):
    from scope_nb import runs

    run = path.parent / "runs" / "g" / "xgb" / "rrlyr"
    shutil.copytree(path.parent / "whole", run, dirs_exist_ok=True)
    (run / path.name).write_bytes(path.read_bytes())
    runs.load_run(run)
    runs.load_runs(path.parent / "runs")


def write_model(folder):
    from scope_nb import models

    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    models.save_model(models.forest(n_estimators=2).fit(X, np.arange(60) % 2), folder)
    return [folder / "model.skops"]


def read_model(path):
    from scope_nb import models

    models.load_model(path.parent)


WRITERS = {
    "training_parquet": write_training_parquet,
    "training_csv": write_training_csv,
    "training_hdf5": write_hdf5,
    "classes_csv": write_classes,
    "votes_csv": write_votes,
    "corrections_csv": write_correction_file,
    "curves_parquet": write_curves_parquet,
    "curves_text": write_curves_text,
    "curves_json": write_curves_json,
    "curves_astropy": write_curves_astropy,
    "config_yaml": write_config,
    "trees_json": write_trees,
    "scores_json": write_scores,
    "run": write_run_files,
    "model": write_model,
}
READERS = {
    "training_parquet": read_training,
    "training_csv": read_training,
    "training_hdf5": read_hdf5_table,
    "classes_csv": read_classes,
    "votes_csv": read_vote_file,
    "corrections_csv": read_correction_file,
    "curves_parquet": read_curves,
    "curves_text": read_curves,
    "curves_json": read_curves,
    "curves_astropy": read_curves,
    "config_yaml": read_config_file,
    "trees_json": read_trees,
    "scores_json": read_scores,
    "run": read_run,
    "model": read_model,
}
