"""HATS catalogues as LSDB writes them, in and out."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import classify, classify_survey, featurize, featurize_survey, read_lightcurves, read_parquet
from scope_nb.survey import Partition, list_partitions

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in NestedFrame")  # LSDB's own
lsdb = pytest.importorskip("lsdb")
NESTED = ["hjd", "mag", "magerr"]
QUICK = {"max_freq": 1, "progress": False}


def write_catalogue(table, folder, **options):
    """Write a table with a row for each light curve as a collection, with LSDB's own writer."""
    from nested_pandas import NestedFrame

    base = [name for name in table if name not in NESTED]
    frame = NestedFrame.from_lists(table, list_columns=NESTED, base_columns=base, name="lightcurve")
    lsdb.from_dataframe(frame, catalog_name="stars", **options).write_catalog(folder, progress_bar=False)
    return folder


@pytest.fixture(scope="module")
def hats(tmp_path_factory):
    """A collection whose light curves stand on both sides of the edge of a pixel, and in its margin."""
    from scope_nb import files

    table = pd.read_parquet(files.sample("lightcurves")).head(24)[["_id", "object_id", "band", *NESTED]]
    star = pd.factorize(table["object_id"])[0]
    table["ra"], table["dec"] = 90.0 + np.where(star % 2, 1e-4, -1e-4), 50.0 + 0.5 * star  # 90 is an edge
    folder = tmp_path_factory.mktemp("catalogue") / "collection"
    return write_catalogue(table.drop(columns="object_id"), folder, lowest_order=5, margin_threshold=5.0)


def test_features_and_classes_of_a_catalogue_are_one_again(hats, runs_folder, tmp_path):
    catalog = lsdb.open_catalog(hats)
    assert len(catalog.margin.compute(progress_bar=False)) > 0 and catalog.npartitions > 2
    curves = read_lightcurves(hats, 1)
    out = tmp_path / "out"
    classify_survey(hats, "mine", out, runs_folder, part_rows=2, jobs=1, **QUICK)
    made = lsdb.open_catalog(out / "curves-hats")
    rows = made.compute(progress_bar=False)
    assert sorted(rows["_id"]) == sorted(curves.meta["_id"]) and rows.index.is_monotonic_increasing
    pd.testing.assert_index_equal(
        made.margin.compute(progress_bar=False).index, catalog.margin.compute(progress_bar=False).index
    )
    expected = classify(featurize(curves, **QUICK), "mine", runs_folder, progress=False)
    stars = pd.concat([read_parquet(path) for path in (out / "stars").rglob("*.parquet")]).set_index("star")
    pd.testing.assert_frame_equal(stars.loc[expected.stars["star"]].reset_index(), expected.stars)


def test_a_catalogue_that_is_open_gives_the_same_and_is_not_done_twice(hats, tmp_path, client):
    featurize_survey(hats, tmp_path / "files", part_rows=2, jobs=1, **QUICK)
    found = lsdb.open_catalog(hats).query("dec < 52")
    outcome = featurize_survey(found, tmp_path / "catalog", client=client, **QUICK)
    assert not outcome.failed
    rows = lsdb.open_catalog(tmp_path / "catalog" / "features-hats").compute(progress_bar=False)
    every = lsdb.open_catalog(tmp_path / "files" / "features-hats").compute(progress_bar=False)
    assert 0 < len(rows) < len(every)
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(every.query("dec < 52")))
    assert not featurize_survey(lsdb.open_catalog(hats).query("dec < 52"), tmp_path / "catalog", **QUICK).made


def test_real_light_curves_as_a_catalogue(realdata, tmp_path):
    table = pd.read_parquet(realdata / "catalina.parquet").head(40)
    hats = write_catalogue(table, tmp_path / "catalina", lowest_order=1, margin_threshold=None)
    reading = {"min_cadence_minutes": 0}
    outcome = featurize_survey(hats, tmp_path / "out", reading, jobs=1, min_epochs=20, **QUICK)
    assert not outcome.failed and outcome.total("rows") == 40
    rows = lsdb.open_catalog(tmp_path / "out" / "features-hats").compute(progress_bar=False).set_index("obj_id")
    expected = featurize(read_lightcurves(realdata / "catalina.parquet", 20, 0).select(range(40)), **QUICK)
    expected = expected.set_index("obj_id").loc[rows.index]
    np.testing.assert_array_equal(rows["period_ELS_ECE_EAOV"].to_numpy(float), expected["period_ELS_ECE_EAOV"])


def test_partitions_of_a_bulk_file_together_are_the_file(realdata):
    file = realdata / "ztf_000250_zg_c01_q1_dr5.parquet"
    parts = list_partitions(file, 500)
    assert len(parts) > 2 and [part.rows[0] for part in parts] == list(range(0, parts[-1].rows[1], 500))
    with pytest.warns(UserWarning):
        whole = read_lightcurves(file, 0, bad="drop")
        curves = [Partition(part.name, part.files, part.rows).read_curves(bad="drop") for part in parts]
    assert [name for part in curves for name in part.meta["_id"]] == list(whole.meta["_id"])
    np.testing.assert_array_equal(np.concatenate([part.mag for part in curves]), whole.mag)
