import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

from scope_nb.dataset.dataset import DMDT_COLUMNS, Dataset, split_place, trainable
from scope_nb.dataset.tables import read_parquet, read_table, write_parquet
from scope_nb.features.derived import CHANGES, changes
from scope_nb.features.dmdt import stack_dmdt
from scope_nb.lightcurves.curves import stars
from scope_nb.taxonomy import CATALOGUES

KNOWN_PLACE = 0.9950897775810614  # of "sim000001"


def test_round_trip_keeps_values_columns_and_attrs(table, tmp_path):
    table = table.copy()
    table.attrs = {"scope": "0.9", "rows": {"kept": 800}}
    write_parquet(table, tmp_path / "t.parquet")
    again = read_parquet(tmp_path / "t.parquet")
    assert again.attrs == table.attrs
    assert list(again) == list(table)
    pd.testing.assert_frame_equal(again.drop(columns="dmdt"), table.drop(columns="dmdt"))
    np.testing.assert_array_equal(stack_dmdt(again["dmdt"]), stack_dmdt(table["dmdt"]))
    first, last = again["dmdt"].iloc[0], again["dmdt"].iloc[-1]
    assert last.ctypes.data - first.ctypes.data == (len(again) - 1) * 26 * 26 * 4  # one block, no gaps
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", [None, "_id"])
def test_an_index_that_pandas_stored_does_not_shift_rows(table, tmp_path, name):
    rows = np.random.default_rng(0).permutation(800)[:200]
    some = table.iloc[rows].assign(dmdt=[image.tolist() for image in table["dmdt"].iloc[rows]])
    (some.set_index(name) if name else some).to_parquet(tmp_path / "t.parquet")
    data = Dataset.read(tmp_path / "t.parquet", "vnv", dmdt=False)
    expected = changes([stack_dmdt(table["dmdt"].iloc[rows])])
    np.testing.assert_allclose(data.X[list(CHANGES)], expected, rtol=1e-5)
    assert data.meta["_id"].tolist() == rows.tolist() == read_parquet(tmp_path / "t.parquet")["_id"].tolist()


def test_numbers_as_text_are_numbers(table, tmp_path):
    some = table.drop(columns="dmdt").assign(wstd=table["wstd"].map("{:.17g}".format))
    some["RR Lyrae"] = some["RR Lyrae"].astype(str)
    write_parquet(some, tmp_path / "t.parquet")
    data = Dataset.read(tmp_path / "t.parquet", "rrlyr", dmdt=False)
    pd.testing.assert_frame_equal(data.X[["wstd"]], table[["wstd"]].astype(np.float32))
    pd.testing.assert_frame_equal(data.meta[["RR Lyrae"]], table[["RR Lyrae"]])


def test_what_can_be_trained_does_not_depend_on_names_of_light_curves(table, tmp_path):
    write_parquet(table.drop(columns=["_id", "dmdt"]), tmp_path / "t.parquet")
    assert trainable(tmp_path / "t.parquet", {"rrlyr": {}, "agn": {}})[0] == ["rrlyr"]


def test_scopes_own_nesting_is_read(tmp_path):
    """SCoPe's parquet holds dmdt as lists of lists of doubles, and the metadata key `scope`."""
    images = np.random.default_rng(0).random((3, 26, 26))
    arrow = pa.table({"obj_id": [1, 2, 3], "dmdt": images.tolist()})
    pq.write_table(arrow.replace_schema_metadata({"scope": json.dumps({"a": 1})}), tmp_path / "s.parquet")
    frame = read_parquet(tmp_path / "s.parquet")
    np.testing.assert_allclose(stack_dmdt(frame["dmdt"]), images, rtol=1e-6)
    assert frame.attrs == {"a": 1}
    frame.assign(dmdt=[json.dumps(i.tolist()) for i in frame["dmdt"]]).to_csv(tmp_path / "s.csv", index=False)
    np.testing.assert_allclose(stack_dmdt(read_table(tmp_path / "s.csv")["dmdt"]), images, rtol=1e-6)


def test_files_that_are_not_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_parquet(tmp_path / "no.parquet")
    (tmp_path / "text.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not a parquet file"):
        read_parquet(tmp_path / "text.parquet")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x81" * 50)
    with pytest.raises(ValueError, match="cannot be read as such"):
        read_table(tmp_path / "bytes.csv")
    (tmp_path / "gap.csv").write_text(f'a,dmdt\n1,"{json.dumps(np.zeros((26, 26)).tolist())}"\n2,\n')
    with pytest.raises(ValueError, match="dmdt in row 1 is not a 26 x 26 list"):
        read_table(tmp_path / "gap.csv")
    with pytest.raises(ValueError, match=r"ends in \.parquet"):
        write_parquet(pd.DataFrame({"a": [1]}), tmp_path / "table.csv")
    pq.write_table(pa.table({"dmdt": [[[1.0, 2.0]]]}), tmp_path / "shape.parquet")
    with pytest.raises(ValueError, match="dmdt is not 26 x 26"):
        read_parquet(tmp_path / "shape.parquet")
    with pytest.raises(ValueError, match="lacks the columns b, c"):
        read_parquet(tmp_path / "shape.parquet", columns=["b", "dmdt", "c"])


def test_a_star_stays_on_one_side_and_where_it_was(table):
    data = Dataset.from_table(table, "rrlyr")
    sides = pd.DataFrame({"star": data.star, "part": data.part}).groupby("star")["part"].nunique()
    assert (sides == 1).all()
    half = table.iloc[300:].reset_index(drop=True)
    again = Dataset.from_table(half, "rrlyr")
    np.testing.assert_array_equal(again.part, data.part[300:])
    place = split_place(np.array([f"s{k}" for k in range(50000)]))
    assert np.mean(place < 0.10) == pytest.approx(0.10, abs=0.005)
    assert np.mean(place >= 0.19) == pytest.approx(0.81, abs=0.005)
    assert split_place(["sim000001"])[0] == pytest.approx(KNOWN_PLACE)  # a changed hash would mix old and new runs


def test_stars_without_identifier_are_told_apart_by_position(table):
    placed = table.drop(columns="obj_id").assign(ra=table["ra"] + 0.5 / 3600 * (np.arange(len(table)) % 2))
    by_id = pd.factorize(stars(table)[0])[0]
    assert len(np.unique(by_id * 1000 + pd.factorize(stars(placed)[0])[0])) == len(np.unique(by_id))
    data = Dataset.from_table(placed, "rrlyr")
    assert (pd.Series(data.part).groupby(by_id[data.row]).nunique() == 1).all()
    with pytest.raises(ValueError, match="neither 'obj_id' nor 'ra' and 'dec'"):
        stars(placed.drop(columns="ra"))


def test_scopes_split_is_repeated(table):
    table = table.copy()
    table.loc[5, "RR Lyrae"] = 0.5  # rounds to 0: among the negatives
    data = Dataset.from_table(table, "rrlyr", split="scope")
    share = table["RR Lyrae"].to_numpy()
    rows = np.concatenate([np.flatnonzero(np.round(share) == 1), np.flatnonzero(np.round(share) != 1)])
    rest, test = train_test_split(rows, shuffle=True, test_size=0.1, random_state=42)
    train, val = train_test_split(rest, shuffle=True, test_size=0.1, random_state=42)
    for part, expected in ((data.train, train), (data.val, val), (data.test, test)):
        assert set(part.row) == set(expected)


def test_negatives_of_variable_are_the_non_variables(table):
    table = table.copy()
    table.loc[0:9, ["variable", "non-variable"]] = 0.5  # neither
    data = Dataset.from_table(table, "vnv")
    assert not set(range(10)) & set(data.row)
    np.testing.assert_array_equal(data.y, (table["variable"] > 0.7).astype(int)[data.row])
    assert (table["non-variable"][data.row[data.y == 0]] > 0.7).all()
    with pytest.raises(ValueError, match="no column 'non-variable' for the negatives of 'vnv'"):
        Dataset.from_table(table.drop(columns="non-variable"), "vnv")
    with pytest.raises(ValueError, match=r"no negative light curve \(label 'non-variable'\)"):
        Dataset.from_table(table.assign(**{"non-variable": 0.0}), "vnv")


def test_inputs(table):
    table = table.copy()
    table.loc[3, "Gaia_EDR3__parallax"] = 0.0
    table.loc[4, "wstd"] = np.inf
    before = table.copy(deep=True)
    data = Dataset.from_table(table, "rrlyr")
    assert np.isnan(data.X["Gaia_EDR3__parallax"].iloc[3])  # no match
    assert np.isnan(data.X["wstd"].iloc[4])
    assert (data.X.dtypes == np.float32).all()
    assert list(data.X)[-676:] == DMDT_COLUMNS
    assert data.X["dmdt_3_17"].iloc[10] == table["dmdt"].iloc[10][3, 17]
    assert "period_ELS_ECE_EAOV" in data.X
    assert "period_ELS_ECE_EAOV" not in Dataset.from_table(table, "vnv").X
    pd.testing.assert_frame_equal(table.drop(columns="dmdt"), before.drop(columns="dmdt"))
    assert data.counts().to_numpy().sum() == len(data.y) + len(set(data.star[data.y == 1])) + len(
        set(data.star[data.y == 0])
    )


def test_what_is_missing_is_listed(table):
    with pytest.raises(ValueError, match=r"unknown tag 'rrlry'; did you mean 'rrlyr'"):
        Dataset.from_table(table, "rrlry")
    with pytest.raises(ValueError, match="lacks 2 of the columns needed: iqr, wstd"):
        Dataset.from_table(table.drop(columns=["wstd", "iqr"]), "e")
    catalogues = [c for c in table if c.startswith(CATALOGUES)]
    with pytest.raises(ValueError, match="train with features='light curve' instead"):
        Dataset.from_table(table.drop(columns=catalogues), "rrlyr")
    without = Dataset.from_table(table.drop(columns=catalogues), "rrlyr", features="light curve").X
    assert {"wstd", "period_ELS_ECE_EAOV"} <= set(without)
    with pytest.raises(ValueError, match="no period suffix 'LS'; present: EAOV, ECE, ELS, ELS_ECE_EAOV"):
        Dataset.from_table(table, "e", period_suffix="LS")
    with pytest.raises(ValueError, match="no column 'Cepheid'; labels present"):
        Dataset.from_table(table.drop(columns="Cepheid"), "ceph")
    with pytest.raises(ValueError, match="has no positive light curve"):
        Dataset.from_table(table, "ceph")
    one_star = table.assign(Cepheid=(table["obj_id"] == table["obj_id"].iloc[0]).astype(float))
    with pytest.raises(ValueError, match=r"the (val|test|train) part has no positive"):
        Dataset.from_table(one_star, "ceph")
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        Dataset.from_table(table.assign(eclipsing=2.0), "e")
    with pytest.raises(ValueError, match="label 'eclipsing' holds something else"):
        Dataset.from_table(table.assign(eclipsing="yes"), "e")
    with pytest.raises(ValueError, match="unknown column of weights"):
        Dataset.from_table(table, "e", weight="nope")
    with pytest.raises(ValueError, match="unknown split"):
        Dataset.from_table(table, "e", split="random")


def test_scopes_tables_are_read(realdata):
    features = read_table(realdata / "scope_features_field_331.csv")
    assert features.shape == (123, 78)
    predictions = read_table(realdata / "scope_field_296_100rows.csv")
    assert len(predictions) == 100
    assert {"vnv_dnn", "vnv_xgb", "Gaia_EDR3___id"} <= set(predictions)
    # SCoPe's own BIC of a line is chi2 + 2 log N: the definition that our Fourier series follow
    line = features[features["f1_power_ELS"] == 0]
    chi2 = line["f1_BIC_ELS"] - 2 * np.log(line["n"])
    assert (chi2 <= line["chi2red"] * (line["n"] - 1) * 1.001).all()
    assert (chi2 > 0).all()


def test_balance_drops_whole_stars_of_training_only(table):
    plain = Dataset.from_table(table, "rrlyr", dmdt=False)
    data = Dataset.from_table(table, "rrlyr", dmdt=False, balance=1.5)
    positive = data.train.y.sum()
    assert positive == plain.train.y.sum()
    assert len(data.train) - positive == round(1.5 * positive)
    for name in ("val", "test"):
        np.testing.assert_array_equal(data[name].row, plain[name].row)
    assert sorted([*data.train.row, *data["dropped"].row]) == list(plain.train.row)
    assert not data["dropped"].y.any() and "dropped" in data.counts().index
    assert len(set(data["dropped"].star) & set(data.train.star)) <= 1  # at most one star is cut through
    again = Dataset.from_table(table, "rrlyr", dmdt=False, balance=1.5)
    np.testing.assert_array_equal(again.part, data.part)
    assert (Dataset.from_table(table, "rrlyr", dmdt=False, balance=1.5, seed=1).part != data.part).any()
    np.testing.assert_array_equal(Dataset.from_table(table, "rrlyr", dmdt=False, balance=99).part, plain.part)


def test_class_weights_are_scikit_learns(table):
    own = np.random.default_rng(0).uniform(0.5, 2, len(table))
    data = Dataset.from_table(table, "rrlyr", dmdt=False, weight_per_class=True)
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=data.train.y)
    np.testing.assert_allclose(data.train.weight, expected[data.train.y])
    data = Dataset.from_table(table, "rrlyr", dmdt=False, weight_per_class=True, weight=own)
    sums = [data.train.weight[data.train.y == value].sum() for value in (0, 1)]
    assert sums[0] == pytest.approx(sums[1])
    assert sum(sums) == pytest.approx(own[data.train.row].sum())


def test_bad_tables_are_refused(table):
    with pytest.raises(ValueError, match=r"threshold is 1.5"):
        Dataset.from_table(table, "e", threshold=1.5)
    with pytest.raises(ValueError, match="balance is 0"):
        Dataset.from_table(table, "e", balance=0)
    with pytest.raises(ValueError, match="columns more than once: wstd"):
        Dataset.from_table(pd.concat([table, table[["wstd"]]], axis=1), "e")
    with pytest.raises(ValueError, match=r"2 rows repeat the _id of another, first row 800"):
        Dataset.from_table(pd.concat([table, table.iloc[:2]], ignore_index=True), "e")
    with pytest.raises(ValueError, match="dmdt is not 26 x 26"):
        Dataset.from_table(table.assign(dmdt=[np.zeros((5, 5))] * len(table)), "e")
