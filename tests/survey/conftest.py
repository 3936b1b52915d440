"""A small survey, runs that are trained in a moment, and a cluster of two workers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scope_nb import Dataset, evaluate, files, fit, read_lightcurves, read_parquet, save_run, write_lightcurves
from scope_nb.runs import fit_novelty

BANDS = ["g", "r", "i"]


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory):
    """A folder with runs of two tags that follow from the statistics alone, and what is usual."""
    folder, table = tmp_path_factory.mktemp("reports"), read_parquet(files.sample())
    for tag in ("vnv", "e"):
        model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        dataset = Dataset.read(table, tag, features="light curve", dmdt=False)
        trained = fit(model, dataset)
        save_run(folder / "mine" / "linear" / tag, trained, evaluate(trained, dataset), dataset)
    fit_novelty(table.head(500)).save(folder / "mine" / "novelty")
    return folder


@pytest.fixture(scope="session")
def curves():
    """Light curves of stars in up to three bands, and one that is too short."""
    curves = read_lightcurves(files.sample("lightcurves")).select(range(18))
    short = np.flatnonzero(curves.row_of_epoch == 17)[30:]
    return curves.keep_epochs(~np.isin(np.arange(len(curves.time)), short))


@pytest.fixture(scope="session")
def survey_of_bands(curves, tmp_path_factory):
    """A folder with one file for each band, whose stars have positions and no names, as in ZTF's bulk files."""
    folder = tmp_path_factory.mktemp("survey")
    for band in BANDS:
        part = curves.select((curves.meta["band"] == band).to_numpy())
        meta = part.meta.drop(columns="obj_id")
        meta["dec"] += {"g": 0, "r": 1e-4, "i": 2e-4}[band]  # each within 1 arcsec of the next one
        write_lightcurves(replace(part, meta=meta), folder / f"{band}.parquet")
    return folder
