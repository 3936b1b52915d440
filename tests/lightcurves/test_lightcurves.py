import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scope_nb.dataset.splits import split_place
from scope_nb.lightcurves.curves import LightCurves, group_by_position, match_curves, stars
from scope_nb.lightcurves.readers import read_lightcurves, write_lightcurves


def batch(n=3, epochs=60, seed=0):
    rng = np.random.default_rng(seed)
    time = [np.sort(rng.uniform(58200, 59000, epochs + k)) for k in range(n)]
    mag = [16 + 0.1 * rng.standard_normal(len(t)) for t in time]
    err = [rng.uniform(0.02, 0.04, len(t)) for t in time]
    meta = pd.DataFrame({"obj_id": [f"s{k}" for k in range(n)], "ra": 10.0 + np.arange(n), "dec": 5.0, "band": "zg"})
    return LightCurves.from_lists(meta, time, mag, err)


def test_views_and_selection():
    curves = batch(5)
    assert np.shares_memory(curves[3].time, curves.time)
    some = curves.select([4, 1])
    for new, old in zip(range(2), [4, 1], strict=True):
        np.testing.assert_array_equal(some[new].mag, curves[old].mag)
        assert some[new].info["obj_id"] == f"s{old}"
    assert len(curves.select(np.zeros(5, bool))) == 0
    assert curves[-1].info["obj_id"] == "s4"
    with pytest.raises(IndexError, match="no light curve 5: there are 5"):
        curves[5]


def test_clean_sorts_thins_and_drops_duplicates():
    minutes = np.array([0, 10, 31, 31, 200, 100, 229, 231]) / 1440
    curves = LightCurves.from_lists(pd.DataFrame({"band": ["g"]}), [minutes], [np.arange(8.0)], [np.full(8, 0.1)])
    kept = curves.clean()  # 30 minutes after the last kept one
    np.testing.assert_allclose(kept.time * 1440, [0, 31, 100, 200, 231])
    every = curves.clean(min_cadence_minutes=0)
    np.testing.assert_allclose(every.time * 1440, [0, 10, 31, 100, 200, 229, 231])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mag", np.nan, "magnitude is NaN or infinite"),
        ("mag", np.inf, "magnitude is NaN or infinite"),
        ("err", 0.0, "error is not a positive number"),
        ("err", -1.0, "error is not a positive number"),
        ("time", np.nan, "time is not finite"),
    ],
)
def test_unusable_values_are_named(name, value, message):
    curves = batch()
    getattr(curves, name)[70] = value
    with pytest.raises(ValueError, match=message) as error:
        curves.clean()
    assert "light curve 1" in str(error.value)
    assert "epoch 10" in str(error.value)
    assert curves.clean(min_cadence_minutes=0, bad="drop").n_epochs.tolist() == [60, 60, 62]


def test_written_and_read_again(tmp_path):
    curves = batch()
    path = tmp_path / "curves.parquet"
    write_lightcurves(curves, path)
    again = read_lightcurves(path, min_cadence_minutes=0)
    np.testing.assert_array_equal(again.time, curves.time)
    np.testing.assert_allclose(again.mag, curves.mag, rtol=1e-6)
    assert again.meta["band"].tolist() == ["g"] * 3
    assert again.meta["filter"].tolist() == [1] * 3
    assert again.meta["obj_id"].tolist() == curves.meta["obj_id"].tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["curves.parquet"]


def test_what_a_table_of_lists_may_hold(tmp_path):
    curves = batch(2, epochs=80)
    write_lightcurves(curves.select([0, 0]), tmp_path / "t.parquet")
    plain = pq.read_table(tmp_path / "t.parquet").drop_columns(["band", "filter"])
    flags = [[32768] * 40 + [0] * 40] * 2
    for name, values in (("filter", [1, 2]), ("band", ["1", None]), ("band", ["zg", "g"])):
        table = plain.append_column("catflags", pa.array(flags)).append_column(name, pa.array(values))
        table = table.append_column("obj_id", plain["object_id"])  # both names of a star
        pq.write_table(table, tmp_path / "more.parquet")
        read = read_lightcurves(tmp_path / "more.parquet", min_epochs=1, min_cadence_minutes=0)
        assert read.n_epochs.tolist() == [40, 40] and "catflags" not in read.meta
        expected = {"filter": ["g", "r"], "band": ["g", "" if None in values else "g"]}[name]
        assert read.meta["band"].tolist() == expected
        assert read.meta["filter"].tolist() == [{"": 0, "g": 1, "r": 2}[band] for band in expected]
    fixed = pa.array([[58000.0, 58001.0]] * 2, pa.list_(pa.float64(), 2))
    small = pa.array([[0.1, 0.2]] * 2, pa.list_(pa.float64(), 2))
    pq.write_table(pa.table({"hjd": fixed, "mag": small, "magerr": small}), tmp_path / "fixed.parquet")
    assert read_lightcurves(tmp_path / "fixed.parquet", min_epochs=1).n_epochs.tolist() == [2, 2]


def test_the_star_of_one_light_curve_needs_no_names_of_the_others():
    curves = batch(4)
    curves.meta["obj_id"] = ["a", None, "b", "a"]
    assert curves.of_star(3).meta["_id"].tolist() == [0, 3]
    assert curves.of_star(1).meta["_id"].tolist() == [1]
    assert len(curves.select([])) == 0


def test_stars_by_position():
    arcsec = 1 / 3600
    ra = [0.2 * arcsec, 359.9999 + 0.0001, 100.0, 100.0 + 0.8 * arcsec / np.cos(np.radians(60)), 100.0]
    dec = [0.0, 0.0, 60.0, 60.0, 60.0 + 1.5 * arcsec]
    star = group_by_position(ra, dec)
    assert star[0] == star[1]  # across 0 degrees
    assert star[2] == star[3] != star[4]


def test_a_star_is_the_same_in_every_file():
    """Positions differ by tenths of an arcsecond between bands; the side of the split must not."""
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 20000), np.degrees(np.arcsin(rng.uniform(-0.4, 0.98, 20000)))
    jitter = 0.1 / 3600
    g = pd.DataFrame({"ra": ra, "dec": dec + jitter * rng.standard_normal(20000)})
    r = pd.DataFrame({"ra": ra + jitter * rng.standard_normal(20000), "dec": dec})
    both = pd.concat([g, r], ignore_index=True)
    star, key = stars(both)
    assert (star[:20000] == star[20000:]).mean() > 0.999
    apart = split_place(stars(g)[1]) != split_place(stars(r)[1])
    assert apart.mean() < 0.01  # only stars that straddle the edge of a cell
    assert (key[:20000] == key[20000:])[~apart].mean() > 0.999
    with pytest.raises(ValueError, match=r"1 rows have no position .* the first is row 7"):
        stars(g.assign(ra=g["ra"].where(g.index != 7)))
    with pytest.raises(ValueError, match="1 rows have no obj_id; the first is row 3"):
        stars(pd.DataFrame({"obj_id": ["a", "b", "c", None]}))
    assert stars(pd.DataFrame({"obj_id": [206.0, 7.0]}))[0].tolist() == ["206", "7"]


def test_bulk_files_of_a_data_release(tmp_path):
    rng = np.random.default_rng(1)
    rows = {
        "objectid": [686103400034440, 686203400034441],
        "filterid": pa.array([1, 2], pa.int8()),
        "fieldid": pa.array([686, 686], pa.int16()),
        "rcid": pa.array([34, 34], pa.int8()),
        "objra": pa.array([20.0, 20.0], pa.float32()),
        "objdec": pa.array([30.0, 30.0], pa.float32()),
        "nepochs": [80, 80],
        "hmjd": [np.sort(rng.uniform(58200, 59000, 80)) for _ in range(2)],
        "magerr": [np.full(80, 0.02, np.float32)] * 2,
        "catflags": [[0] * 70 + [32768] * 5 + [2] * 5] * 2,
    }
    rows["mag"] = [rng.normal(17, 0.1, 80).astype(np.float32) for _ in range(2)]
    path = tmp_path / "ztf.parquet"
    pq.write_table(pa.table(rows), path)
    strict = read_lightcurves(path, min_cadence_minutes=0)
    assert strict.n_epochs.tolist() == [70, 70]
    assert read_lightcurves(path, min_cadence_minutes=0, flags="usual").n_epochs.tolist() == [75, 75]
    assert len(set(stars(strict.meta)[0])) == 1  # one star, two bands
    assert strict.meta[["band", "ccd", "quad", "field"]].to_numpy().tolist() == [["g", 9, 3, 686], ["r", 9, 3, 686]]


def test_files_that_are_not_light_curves(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_lightcurves(tmp_path / "missing.parquet")
    wrong = tmp_path / "wrong.parquet"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"named \.parquet but cannot be read"):
        read_lightcurves(wrong)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"table\.csv: no column is known as time or as mag .*; its columns are a, b\. Name"
    ):
        read_lightcurves(table)
    (tmp_path / "lists.csv").write_text('hjd,mag,magerr\n"[1, 2]","[3, 4]","[5, 6]"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"column 'hjd' holds '\[1, 2\]' in row 0, which is no number"):
        read_lightcurves(tmp_path / "lists.csv")
    epochs = pd.DataFrame({"oid": 1, "mjd": np.arange(58300.0, 58370), "mag": 15.0, "magerr": 0.1, "catflags": 0.0})
    epochs = epochs.assign(filtercode="zg", ra=10.0, dec=20.0)
    epochs.assign(catflags=np.where(epochs.index == 3, np.nan, 0.0)).to_csv(tmp_path / "flags.csv")
    assert read_lightcurves(tmp_path / "flags.csv").n_epochs.tolist() == [69]  # what nobody flagged is not good
    epochs.astype({"mag": object}).replace({"mag": {15.0: "n/a?"}}).to_csv(tmp_path / "text.csv")
    with pytest.raises(ValueError, match="column 'mag' holds 'n/a\\?' in row 0, which is no number"):
        read_lightcurves(tmp_path / "text.csv")
    write_lightcurves(
        LightCurves.from_lists({"_id": [1]}, [[58000.0, 58001.0]], [[np.nan] * 2], [[0.1] * 2]),
        tmp_path / "nan.parquet",
    )
    with pytest.raises(ValueError, match="Not one epoch can be used"):
        read_lightcurves(tmp_path / "nan.parquet", bad="drop")
    almost = pd.DataFrame({"hjd": [[58000.0]], "mag": [[2.0]], "wrong": [[0.1]]})
    almost.to_parquet(tmp_path / "almost.parquet")
    with pytest.raises(ValueError, match="no column is known as the error of 'mag'"):
        read_lightcurves(tmp_path / "almost.parquet")
    write_lightcurves(batch(epochs=20), tmp_path / "short.parquet")
    with pytest.raises(ValueError, match="the longest has"):
        read_lightcurves(tmp_path / "short.parquet")


@pytest.mark.filterwarnings("ignore:.*too few good epochs", "ignore:.*follow another too closely")
def test_real_files(realdata):
    catalina = read_lightcurves(realdata / "catalina.parquet", min_cadence_minutes=0, min_epochs=1)
    assert len(catalina) == 5176
    assert catalina.meta["label"].value_counts()["RRc"] == 774
    vsx = read_lightcurves(realdata / "ztf_vsx.parquet", min_epochs=1)
    assert len(vsx) == 592
    assert vsx.meta["obj_id"].nunique() == 209
    with pytest.warns(UserWarning, match=r"'hmjd' was stored as float32: its times are good to 0\.0039 d only"):
        bulk = read_lightcurves(realdata / "ztf_000250_zg_c01_q1_dr5.parquet")
    assert set(bulk.meta["filter"]) == {1}
    assert bulk.meta[["field", "ccd", "quad"]].drop_duplicates().to_numpy().tolist() == [[250, 1, 1]]
    service = read_lightcurves(realdata / "ztf_service_one_position.csv", min_epochs=20)
    assert service.meta["band"].tolist() == ["g", "r", "g"]
    assert len(set(stars(service.meta)[0])) == 1
    assert 58000 < service.time.min() < service.time.max() < 61000


def test_rows_have_their_light_curve_by_number_and_position():
    curves = batch(3)
    meta = curves.meta.assign(ra=[10.0, 20.0, 30.0])
    curves = LightCurves(meta, curves.time, curves.mag, curves.err, curves.offsets)
    table = pd.DataFrame({"_id": [2, 1, 0], "ra": [30.0001, 21.0, 10.0], "dec": 5.0})
    assert match_curves(curves, table).tolist() == [2, -1, 0]


def test_names_of_digits_are_the_same_as_text_and_as_numbers():
    curves = LightCurves.from_lists(pd.DataFrame({"_id": ["7", "12"]}), *[[[1.0, 2.0]] * 2] * 3)
    assert match_curves(curves, pd.DataFrame({"_id": [12.0, 7.0, np.nan]})).tolist() == [1, 0, -1]


def test_a_column_of_flags_may_be_named(tmp_path):
    epochs = pd.DataFrame({"time": np.arange(58300.0, 58370), "mag": 15.0, "err": 0.1, "poor": False})
    epochs.loc[:9, "poor"] = True
    epochs.to_csv(tmp_path / "star.csv")
    assert read_lightcurves(tmp_path / "star.csv").n_epochs.tolist() == [70]
    assert read_lightcurves(tmp_path / "star.csv", flags="poor").n_epochs.tolist() == [60]
    with pytest.raises(ValueError, match="unknown column for flags 'loose'"):
        read_lightcurves(tmp_path / "star.csv", flags="loose")
