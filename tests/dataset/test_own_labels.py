"""Labels of one's own: a column of any name is a question."""

import numpy as np
import pandas as pd
import pytest

from scope_nb.__main__ import _all_tags
from scope_nb.dataset import count_labels, own_labels
from scope_nb.dataset.dataset import Dataset, find_own_labels
from scope_nb.dataset.tables import write_parquet


@pytest.fixture(scope="module")
def own(table):
    """The training table with columns of one's own: three are labels, the others are not, though most lie in 0..1."""
    rng, n = np.random.default_rng(0), len(table)
    columns = {
        "blue loop star": table["RR Lyrae"],
        "checked": pd.array(np.where(np.arange(n) % 9, table["eclipsing"] > 0.7, None), dtype="boolean"),
        "EA/EB": table["eclipsing"],
        "my feature": rng.random(n),  # many values
        "growth": rng.integers(0, 3, n),
        "never": 0.0,
        "always": 1.0,
        "unsure": np.where(table["RR Lyrae"] > 0, 0.5, 0.0),  # nowhere above the threshold
        "kind": "RRab",
        "when": pd.Timestamp("2026-01-01"),
        "hjd": [[1.0, 0.0]] * n,
        "f1_power_ELS": (table["eclipsing"] > 0.7).astype(float),  # a feature of the kit
        "Gaia_EDR3__flag": (table["eclipsing"] > 0.7).astype(float),
    }
    return table.assign(**columns)


def test_a_column_is_a_question(own, table, tmp_path):
    write_parquet(own, tmp_path / "t.parquet")
    expected = Dataset.read(table, "rrlyr", dmdt=False)
    for source in (own, tmp_path / "t.parquet"):
        data = Dataset.read(source, "blue loop star", dmdt=False)
        assert (data.tag, data.label, data.settings["label"]) == ("blue loop star", *["blue loop star"] * 2)
        pd.testing.assert_frame_equal(data.X, expected.X)
        np.testing.assert_array_equal(data.y, expected.y)
        assert "blue loop star" in data.meta
    assert Dataset.read(own, "ea_eb", label="EA/EB", dmdt=False).y.sum() == (table["eclipsing"] > 0.7).sum()
    assert Dataset.read(own, "my feature", dmdt=False).tag == "my feature"  # it is enough to name it
    with pytest.raises(ValueError, match=r"'growth' holds values outside 0\.\.1"):
        Dataset.read(own, "growth", dmdt=False)
    with pytest.raises(ValueError, match="no column 'no'; labels present: variable, "):
        Dataset.read(own, "x", label="no", dmdt=False)


def test_all_tags_are_those_that_look_like_votes(own, tmp_path, capsys):
    write_parquet(own, tmp_path / "t.parquet")
    assert own_labels(own) == find_own_labels(tmp_path / "t.parquet") == ["blue loop star", "checked", "EA/EB"]
    assert own_labels(own, 0.4) == ["blue loop star", "checked", "EA/EB", "unsure"]
    data = str(tmp_path / "t.parquet")
    assert _all_tags({"data": data}) == ["vnv", "e", "rrlyr", "blue loop star", "checked"]
    assert "EA/EB" in capsys.readouterr().out  # left out, as no folder can have that name
    config = "training: {classes: {eaeb: {label: EA/EB}, flat: {label: my feature, threshold: 0.5}}}\n"
    (tmp_path / "c.yaml").write_text(config, encoding="utf-8")
    names = _all_tags({"data": data, "config": str(tmp_path / "c.yaml")})
    assert names == ["vnv", "e", "rrlyr", "eaeb", "flat", "blue loop star", "checked"]


def test_own_labels_are_counted(own):
    counts = count_labels(own)
    assert counts.at["blue loop star", "light curves"] == counts.at["RR Lyrae", "light curves"] > 0
    assert np.isnan(counts.at["checked", "SCoPe"]) and "my feature" not in counts.index
