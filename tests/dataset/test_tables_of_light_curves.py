"""Light curves where a training table is wanted."""

import pandas as pd
import pytest

from scope_nb import files
from scope_nb.dataset.dataset import Dataset
from scope_nb.dataset.tables import read_parquet, read_table


def test_light_curves_are_no_training_table(tmp_path):
    path = files.sample("lightcurves")
    pd.DataFrame({"oid": [1], "mjd": [58000.0], "mag": [15.0], "magerr": [0.1]}).to_csv(tmp_path / "s.csv", index=False)
    for read in (
        lambda: Dataset.read(path, "vnv"),
        lambda: read_parquet(path),
        lambda: read_table(tmp_path / "s.csv"),
    ):
        with pytest.raises(ValueError, match=r"holds light curves \(columns h?mjd|hjd.*not a training table: make one"):
            read()
    pd.DataFrame({"mag": [15.0], "magerr": [0.1]}).to_csv(tmp_path / "s.csv", index=False)
    assert len(read_table(tmp_path / "s.csv")) == 1  # a mean magnitude is no light curve
