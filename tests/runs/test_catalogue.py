"""From light curves to a catalogue: every run of a group, sense across tags, what is unusual."""

import json

import numpy as np
import pandas as pd
import pytest

from scope_nb import files, read_lightcurves, read_parquet, write_lightcurves, write_parquet
from scope_nb.__main__ import main
from scope_nb.lightcurves.curves import LightCurves
from scope_nb.runs import classify, fit_novelty, group_models, load_novelty, load_run, load_runs, train_group
from scope_nb.runs.novelty import describe_survey
from scope_nb.taxonomy import feature_columns, label_names, tags

SOME = ["vnv", "pnp", "puls", "rrlyr", "rrab", "e"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A folder with classifiers of a few tags, trained on a part of the sample."""
    folder = tmp_path_factory.mktemp("reports")
    table = read_parquet(files.sample())
    others = [label for label in label_names() if label not in [*tags().loc[SOME, "label"], "non-variable"]]
    path = folder / "table.parquet"
    write_parquet(table.drop(columns=others), path)
    reasons = train_group("stars", path, folder, progress=False)
    assert set(reasons) == set(tags().index) - set(SOME)
    return folder


@pytest.fixture(scope="module")
def curves():
    return read_lightcurves(files.sample("lightcurves")).select(range(40))


def test_a_catalogue_of_light_curves(reports, curves, tmp_path):
    few = LightCurves(curves.meta, curves.time, curves.mag, curves.err, curves.offsets)
    short = few.select([0]).keep_epochs(np.arange(few.n_epochs[0]) < 10)
    short.meta["obj_id"], short.meta["_id"] = "faint", 987654
    columns = [np.concatenate([getattr(few, name), getattr(short, name)]) for name in ("time", "mag", "err")]
    meta = pd.concat([few.meta, short.meta], ignore_index=True)
    both = LightCurves(meta, *columns, np.append(few.offsets, few.offsets[-1] + 10))
    catalogue = classify(both, "stars", reports, progress=False)
    assert set(catalogue.stars["star"]) == set(few.meta["obj_id"]) | {"faint"}
    assert catalogue.stars.set_index("star").at["faint", "label"] == "too few epochs"
    assert len(catalogue.curves) == len(few)
    assert {"_id", "ra", "dec", "period", "rrlyr_xgb", "vnv_xgb"} <= set(catalogue.curves)
    named = catalogue.stars.set_index("star").drop(index="faint")
    assert (named["puls"] >= named["rrlyr"]).all() and (named["vnv"] >= named["puls"]).all()
    assert named.filter(like="share ").sum(axis=1).tolist() == pytest.approx([1.0] * len(named), abs=2e-3)
    folder = catalogue.write(tmp_path / "catalogue")
    digits = pd.read_csv(folder / "curves.csv", dtype=str).filter(regex="_xgb$").stack().str.len()
    assert digits.max() <= len("0.1234")
    again = read_parquet(folder / "stars.parquet")
    assert again["label"].tolist() == catalogue.stars["label"].tolist()
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert record["simulated"] and set(record["runs"]) == {f"xgb/{tag}" for tag in SOME}
    meanings = pd.read_csv(folder / "columns.csv")
    assert set(meanings["name"]) == {*catalogue.curves, *catalogue.stars} and meanings["description"].notna().all()
    assert meanings.set_index("name").at["period", "unit"] == "days"
    assert "Catalogue of" in repr(catalogue) and catalogue.write(folder) == folder
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.csv").write_text("1\n", encoding="utf-8")
    with pytest.raises(FileExistsError, match="mine is there and holds no catalogue"):
        catalogue.write(tmp_path / "mine")
    assert (tmp_path / "mine" / "precious.csv").exists()
    with pytest.raises(ValueError, match="--min-epochs"):
        classify(short, "stars", reports, progress=False)


def test_stars_without_names_are_told_apart_by_position_and_bands_that_are_short_belong_to_them(reports, realdata):
    curves = read_lightcurves(realdata / "ztf_service_one_position.csv", 1, bad="drop")  # 526, 632 and 28 epochs
    stars = classify(curves, "stars", reports, progress=False).stars
    assert stars[["light_curves", "n_epochs"]].to_numpy().tolist() == [[3, 1186]]
    assert stars.at[0, "label"] in ("puls", "dscu") and stars.at[0, "period"] == pytest.approx(0.13008, rel=1e-3)


def test_stars_of_the_sample_are_told_apart(reports):
    table = read_parquet(files.sample())
    catalogue = classify(table.drop(columns=label_names(), errors="ignore"), "stars", reports, progress=False)
    truth = table.groupby("obj_id")[["RR Lyrae", "eclipsing", "variable"]].first() > 0.7
    label = catalogue.stars.set_index("star")["label"].reindex(truth.index)
    assert label[truth["RR Lyrae"]].isin(["rrlyr", "rrab"]).mean() > 0.9
    assert (label[~truth["variable"]] == "not variable").mean() > 0.7
    strict = classify(table, "stars", reports, false_alarms=0.001, progress=False)
    assert strict.stars["labels"].str.len().sum() < catalogue.stars["labels"].str.len().sum()
    few = classify(table, "stars", reports, top=20, progress=False)
    assert few.stars["labels"].str.split().explode().value_counts().to_dict() == dict.fromkeys(SOME, 20)
    kinds = few.stars.groupby(few.stars["labels"] == "")["label"].unique()
    assert list(kinds[True]) == ["no label"] and few.stars.loc[few.stars["labels"] == "", "probability"].isna().all()
    assert set(kinds[False]) <= {*SOME, "other variable"} and few.stars["label"].eq("rrab").sum() == 20
    plain = classify(table, "stars", reports, repair=False, progress=False)
    assert (plain.stars["puls"] < plain.stars["rrlyr"]).any()


def test_runs_and_tables_that_cannot_be_used_are_named(reports, curves, monkeypatch):
    table = read_parquet(files.sample()).head(50)
    with pytest.raises(ValueError, match="unknown group of runs 'star'; did you mean 'stars'"):
        classify(table, "star", reports)
    with pytest.raises(ValueError, match="no run of the group can be used; the first reason: the table lacks"):
        classify(table[["_id", "obj_id", "median"]], "stars", reports, progress=False)
    runs = load_runs(reports)
    with (
        pytest.warns(UserWarning, match="the runs of stars are of several training tables"),
        monkeypatch.context() as patch,
    ):
        patch.setattr(group_models, "load_runs", lambda _: runs.assign(data_hash=list(map(str, runs.index))))
        classify(table, "stars", reports, progress=False)
    with pytest.raises(TypeError, match="light curves or a table of features are classified, not str"):
        classify("stars.csv", "stars", reports)
    for choice, message in {"false_alarms": "false_alarms is 0", "top": "top is 0; it is a number of stars"}.items():
        with pytest.raises(ValueError, match=message):
            classify(table, "stars", reports, **{choice: 0}, progress=False)


def test_a_run_that_does_not_record_its_features_stops_no_other(reports, monkeypatch):
    models = group_models.load_group(load_runs(reports).iloc[:2])
    silent = next(iter(models.models))
    monkeypatch.delitem(models.models[silent][0].record["dataset"], "features")
    probability, missing = models.predict(read_parquet(files.sample()).head(5))
    assert len(probability.columns) == 1 and silent not in probability
    assert list(missing) == [silent] and "does not record with which features it was trained" in missing[silent]


def test_rows_are_judged_in_batches(reports, monkeypatch):
    table = read_parquet(files.sample()).head(100)
    whole = classify(table, "stars", reports, progress=False)
    monkeypatch.setattr(group_models, "BATCH", 7)
    pd.testing.assert_frame_equal(classify(table, "stars", reports, progress=False).curves, whole.curves)


def test_training_again_keeps_what_is_there(reports):
    times = {path: path.stat().st_mtime_ns for path in (reports / "stars").rglob("*") if path.is_file()}
    train_group("stars", reports / "table.parquet", reports, progress=False)
    assert times == {path: path.stat().st_mtime_ns for path in (reports / "stars").rglob("*") if path.is_file()}


def test_unusual_stars_have_low_rates(tmp_path):
    table = read_parquet(files.sample())
    rrlyr = (table["RR Lyrae"] > 0.3).to_numpy()
    novelty = fit_novelty(table)
    novelty.save(tmp_path)
    rates = load_novelty(tmp_path).rates(table)
    np.testing.assert_array_equal(rates, novelty.rates(table))
    assert np.mean(rates < 0.05) == pytest.approx(0.05, abs=0.02)
    without = fit_novelty(table[~rrlyr].reset_index(drop=True))
    assert without.rates(table[rrlyr]).mean() < rates[rrlyr].mean() - 0.05
    assert describe_survey(rates) == ""
    assert "the survey differs" in describe_survey(without.rates(table.assign(median=table["median"] + 9)))


def test_the_command_line_writes_a_catalogue(reports, tmp_path, capsys):
    path = files.sample("lightcurves")
    write_lightcurves(read_lightcurves(path).select(range(6)), tmp_path / "mine.parquet")
    with pytest.raises(SystemExit) as end:
        options = {"--reports": reports, "--group": "stars", "--data": reports / "table.parquet"}
        main(["classify", str(tmp_path / "mine.parquet"), *(str(text) for pair in options.items() for text in pair)])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "simulated data" in said and f"catalogue: {reports / 'catalogue-mine'}" in said
    assert (reports / "catalogue-mine" / "stars.csv").is_file()
    before = load_run("stars/xgb/vnv", reports).record
    with pytest.raises(SystemExit) as end:  # a table of one's own leaves the classifiers of the sample alone
        options = ["--reports", str(reports), "--data", str(reports / "table.parquet")]
        main(["classify", str(tmp_path / "mine.parquet"), *options])
    assert end.value.code == 0 and load_run("stars/xgb/vnv", reports).record == before
    tags_of = json.loads((reports / "catalogue-mine" / "provenance.json").read_text(encoding="utf-8"))["runs"]
    assert set(tags_of) == {f"xgb/{tag}" for tag in SOME}


def test_another_table_replaces_what_is_usual_too(tmp_path):
    table = read_parquet(files.sample())
    few = table[["_id", "obj_id", "ra", "dec", "variable", "non-variable", *feature_columns("light curve"), "dmdt"]]
    for k, rows in enumerate((few.head(2000), few.tail(2000))):
        write_parquet(rows.reset_index(drop=True), tmp_path / f"{k}.parquet")
        train_group("g", tmp_path / f"{k}.parquet", tmp_path, progress=False)
        scores = fit_novelty(rows.reset_index(drop=True)).scores
        np.testing.assert_array_equal(load_novelty(tmp_path / "g" / "novelty").scores, scores)
