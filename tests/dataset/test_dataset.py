import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

from scope_nb.dataset.dataset import DMDT_COLUMNS, Dataset, trainable
from scope_nb.dataset.splits import split_place
from scope_nb.dataset.tables import ParquetTable, read_parquet, write_parquet
from scope_nb.features.derived import CHANGES, changes
from scope_nb.features.dmdt import stack_dmdt
from scope_nb.lightcurves.curves import stars
from scope_nb.taxonomy import CATALOGUES

KNOWN_PLACE = 0.9950897775810614  # of "sim000001"


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
    weight = np.random.default_rng(0).uniform(0.5, 2, len(table))
    data = Dataset.from_table(table, "rrlyr", dmdt=False, weight_per_class=True)
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=data.train.y)
    np.testing.assert_allclose(data.train.weight, expected[data.train.y])
    data = Dataset.from_table(table, "rrlyr", dmdt=False, weight_per_class=True, weight=weight)
    sums = [data.train.weight[data.train.y == value].sum() for value in (0, 1)]
    assert sums[0] == pytest.approx(sums[1])
    assert sum(sums) == pytest.approx(weight[data.train.row].sum())


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


@pytest.fixture
def columns_read(monkeypatch):
    """Names of the columns that have been read from parquet files."""
    names_read, read = [], ParquetTable._read
    monkeypatch.setattr(ParquetTable, "_read", lambda file, names: names_read.extend(names) or read(file, names))
    return names_read


@pytest.mark.parametrize(
    ("tag", "more"),
    [
        ("vnv", {}),
        ("rrlyr", {"period_suffix": "ECE"}),
        ("e", {"features": ["wstd"], "dmdt": True}),
        ("e", {"derived": False}),
    ],
)
def test_reading_for_a_tag_leaves_the_rest_alone(table, tmp_path, columns_read, tag, more):
    write_parquet(table, tmp_path / "t.parquet")
    cut = {"dmdt": False, **more}
    data = Dataset.read(tmp_path / "t.parquet", tag, **cut)
    assert ("dmdt" in columns_read) == cut["dmdt"] and len(columns_read) < table.shape[1]
    expected = Dataset.from_table(table, tag, **cut)
    pd.testing.assert_frame_equal(data.X, expected.X)
    np.testing.assert_array_equal(data.part, expected.part)


def test_what_can_be_trained_is_told_from_the_labels_alone(table, tmp_path, columns_read):
    from scope_nb.__main__ import _all_tags

    write_parquet(table.drop(columns="AllWISE__w1mpro"), tmp_path / "t.parquet")
    cuts = {tag: {"threshold": 0.8, "split": "star"} for tag in ("vnv", "e", "rrlyr", "ceph")}
    cuts["vnv"] |= {"features": ["wstd", "none"]}
    cuts["e"] |= {"balance": 1.0, "label": "eclipsing", "features": None}
    expected = {}
    for tag, cut in cuts.items():
        try:
            Dataset.from_table(table.drop(columns="AllWISE__w1mpro"), tag, dmdt=False, **cut)
        except ValueError as error:
            expected[tag] = str(error)
    good, reasons = trainable(tmp_path / "t.parquet", cuts)
    assert good == ["e"] and reasons == expected and "none" in reasons["vnv"] and "AllWISE__w1mpro" in reasons["rrlyr"]
    assert not {"wstd", "dmdt"} & set(columns_read)
    config = "training: {dataset: t.parquet, classes: {e: {label: eclipsing, features: mine, threshold: 0.99}}}\n"
    (tmp_path / "config.yaml").write_text(config + "features: {mine: {wstd: {include: true}}}\n", encoding="utf-8")
    assert _all_tags({"config": str(tmp_path / "config.yaml"), "features": "phenomenological"})[0] == "vnv"


def test_another_split_is_that_of_a_new_data_set(table):
    table = table.copy()
    table.loc[0:9, ["variable", "non-variable"]] = 0.5  # neither
    nameless = table.drop(columns="obj_id")
    weight = np.random.default_rng(0).uniform(0.5, 2, len(table))
    for frame, tag, more in (
        (table, "vnv", {}),
        (nameless, "vnv", {"weight": weight, "weight_per_class": True}),
        (table, "rrlyr", {"balance": 1.5, "seed": 3, "weight_per_class": True}),
        (nameless, "e", {"label": "RR Lyrae", "threshold": 0.8}),
    ):
        cuts = {split: Dataset.from_table(frame, tag, split=split, **more) for split in ("star", "scope")}
        for one, other in (("star", "scope"), ("scope", "star"), ("star", "star")):
            again = cuts[one].with_split(other)
            for name in ("part", "weight", "row", "y", "star"):
                np.testing.assert_array_equal(getattr(again, name), getattr(cuts[other], name))
            assert again.X is cuts[one].X and again.settings == cuts[other].settings
            assert set(again.test.row) == set(cuts[other].test.row)


def test_a_data_set_knows_where_its_rows_come_from(table, tmp_path):
    path = tmp_path / "t.parquet"
    table = table.assign(mine=table["variable"], **{"variable": 0.5, "non-variable": 0.5})
    table.attrs = {"simulated": True}
    table.loc[100:, "mine"], table.loc[100:200, "non-variable"] = 0.0, 1.0
    write_parquet(table, path)
    data = Dataset.read(path, "vnv", label="mine")
    assert (data.path, data.simulated, data.n_rows) == (path, True, 800)
    assert list(data.meta.index) == list(data.row) and len(data.row) < 300
    names = ["_id", "obj_id", "ra", "dec", "mine", "period_ELS_ECE_EAOV", "RR Lyrae"]
    pd.testing.assert_frame_equal(data.meta[names], table.loc[data.row, names])
    pd.testing.assert_frame_equal(Dataset.from_table(table, "vnv", label="mine").meta, data.meta)
    plain = Dataset.from_table(table.drop(columns="dmdt"), "vnv", label="mine")
    assert plain.path is None and plain.settings["dmdt"] is False and data.settings["dmdt"] is True


def test_dmdt_is_read_without_derived_features_too(table, tmp_path):
    write_parquet(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        dataset = Dataset.read(source, "rrlyr", features=["wstd"], derived=False, dmdt=True)
        assert dataset.X.shape[1] == 1 + 26 * 26
        np.testing.assert_array_equal(
            dataset.X["dmdt_3_4"][:5], [image[3, 4] for image in table["dmdt"][dataset.row[:5]]]
        )
