"""What a reader must not do without a word: merge stars, swap columns, shift times, lose epochs."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table

from scope_nb.dataset.labels import read_class_tags
from scope_nb.features.extract import featurize
from scope_nb.lightcurves.curves import LightCurves, match_curves
from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods.search import find_period, period_table

T = 58000 + np.arange(60) * 3.3
FRAME = pd.DataFrame({"time": T, "mag": 16 + 0.3 * np.sin(np.arange(60)), "err": 0.02})


def frame_of(**columns):
    return LightCurves.from_frame(FRAME.assign(**columns))


def write_files(folder, **frames):
    """Write CSV files; in their names __ stands for a folder, _d_ for a dot and _p_ for a plus."""
    for name, frame in frames.items():
        path = folder / f"{name.replace('__', '/').replace('_d_', '.').replace('_p_', '+')}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False)


def test_files_of_different_stars_stay_apart(tmp_path):
    write_files(tmp_path / "a", J123456_d_1_p_1234_d_5=FRAME, J123456_d_7_p_0000_d_1=FRAME)
    assert read_lightcurves(tmp_path / "a").meta["obj_id"].tolist() == ["J123456.1+1234.5", "J123456.7+0000.1"]
    write_files(tmp_path / "b", V1__g=FRAME, V2__g=FRAME)
    assert read_lightcurves(tmp_path / "b").meta["obj_id"].tolist() == ["V1/g", "V2/g"]


def test_a_star_in_several_files_is_one(tmp_path):
    nights = {f"night{k}": FRAME.iloc[k::6].assign(star="V1", band="g") for k in range(6)}
    write_files(tmp_path, **nights)
    curves = read_lightcurves(tmp_path)
    assert len(curves) == 1
    np.testing.assert_allclose(curves.time, T)
    twice = [tmp_path / "night0.csv", tmp_path / "night0.csv"]
    assert read_lightcurves(twice, min_epochs=1).n_epochs.tolist() == [10]


def test_light_curves_with_and_without_names_do_not_collide(tmp_path):
    large = 4295807000000000123
    write_files(tmp_path, a=FRAME.assign(oid=large), b=FRAME, c=FRAME.assign(oid=large + 1), d=FRAME)
    curves = read_lightcurves(tmp_path)
    assert curves.meta["_id"].tolist() == [large, "unnamed 1", large + 1, "unnamed 3"]
    assert match_curves(curves, curves.meta).tolist() == [0, 1, 2, 3]


def test_what_the_user_names_comes_first(tmp_path):
    curves = LightCurves.from_frame(FRAME.assign(f=10.0, fe=1.0), flux="f", err="fe", zero_point=22)
    np.testing.assert_allclose(curves.mag, 19.5)
    np.testing.assert_allclose(curves.err, 0.10857, rtol=1e-4)
    curves = LightCurves.from_frame(FRAME.assign(obj_id="WRONG", band="R", who="V1", what="g"), star="who", band="what")
    assert curves.meta[["obj_id", "band"]].to_numpy().tolist() == [["V1", "g"]]
    names = pd.concat([FRAME.assign(who="000012"), FRAME.assign(who="12")])
    names.to_csv(tmp_path / "t.csv", index=False)
    assert read_lightcurves(tmp_path / "t.csv", star="who").meta["obj_id"].tolist() == ["000012", "12"]


def test_columns_that_are_there_twice_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("time,mag,err,mag,err\n1,2,3,4,5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has columns more than once: mag, err"):
        read_lightcurves(tmp_path / "t.csv")
    lists = {name: [FRAME[name].tolist()] for name in FRAME}
    structs = pa.table({kind: pa.table(lists).to_struct_array() for kind in ("lc", "forced")})
    with pytest.raises(ValueError, match=r"its columns are lc\.time, lc\.mag, lc\.err, forced\.time"):
        LightCurves.from_frame(structs)
    np.testing.assert_allclose(LightCurves.from_frame(structs, time="lc.time", mag="lc.mag", err="lc.err").time, T)


def test_columns_that_may_tell_stars_apart_are_asked_about():
    two = pd.concat([FRAME.assign(KIC="a"), FRAME.assign(KIC="b", time=T + 1)])
    with pytest.warns(
        UserWarning, match=r"'KIC' has 2 values; if they tell light curves apart, say star='KIC' or band"
    ):
        LightCurves.from_frame(two)
    assert len(LightCurves.from_frame(two, star="KIC")) == 2
    with pytest.raises(ValueError, match="index of several levels without names"):
        LightCurves.from_frame(pd.concat({"V1": FRAME, "V2": FRAME}))


def test_times_of_other_zeros_are_not_mixed_nor_shifted():
    frame = FRAME.assign(hjd=T + 2400000.5 - 2450000, mjd=T).drop(columns="time")
    frame.loc[::3, "hjd"] = np.nan
    np.testing.assert_allclose(LightCurves.from_frame(frame).time, T)  # of which the zero is certain
    reduced = FRAME.assign(time=T + 0.5)
    np.testing.assert_allclose(LightCurves.from_frame(reduced, time_zero=2400000).time, T)
    np.testing.assert_allclose(LightCurves.from_frame(reduced.rename(columns={"time": "rjd"})).time, T)


def test_a_comment_is_the_header_where_it_names_a_time(tmp_path):
    rows = "\n".join(f"{t} {m} 0.55 {e}" for t, m, e in FRAME.to_numpy())
    for text in (f"# HJD mag B-V err\n{rows}\n# the end\n", f"# HJD mag B-V err\n# by me with love\n{rows}\n"):
        (tmp_path / "V1.dat").write_text(text, encoding="utf-8")
        assert set(read_lightcurves(tmp_path / "V1.dat").err) == {0.02}
    stars = pd.concat([FRAME.assign(star=name) for name in ("#1", "#2")])[["star", *FRAME]]
    stars.to_csv(tmp_path / "stars.csv", index=False)
    assert read_lightcurves(tmp_path / "stars.csv").meta["obj_id"].tolist() == ["#1", "#2"]


def test_units_of_errors_count(star):
    time, mag, err, _ = star
    curve = LightCurves.from_arrays(time, mag, 20 * units.mmag, min_cadence_minutes=0)
    np.testing.assert_allclose(curve.err, 0.02)
    np.testing.assert_allclose(LightCurves.from_arrays(time, mag * units.ABmag, err, min_cadence_minutes=0).mag, mag)
    table = Table({"mjd": time, "flux": np.full(len(time), 5.0) * units.mJy, "flux_err": np.full(len(time), 0.1)})
    with pytest.raises(ValueError, match="'flux' is in nJy, but its error 'flux_err' in no unit"):
        LightCurves.from_frame(table)
    with pytest.raises(ValueError, match="'err' is in %, not in magnitudes"):
        LightCurves.from_frame(Table({"mjd": time, "mag": mag, "err": err * units.percent}))


def test_flags_are_flags():
    with pytest.raises(ValueError, match=r"'quality' holds 0\.5, which is no flag; flags='ignore'"):
        frame_of(quality=0.5)
    with pytest.raises(ValueError, match=r"flags removed 60 epochs\. Not one epoch can be used"):
        frame_of(quality=1)
    lists = {name: [FRAME[name].tolist()] * 2 for name in FRAME} | {"catflags": [0, 32768], "star": ["a", "b"]}
    with pytest.warns(UserWarning, match="1 of 2 light curves have too few good epochs"):
        assert LightCurves.from_frame(pa.table(lists)).meta["obj_id"].tolist() == ["a"]


def test_other_names_of_a_band_are_the_same_band():
    curves = frame_of(star="V1 ", band=["zg", "g", "ZTF_g", "g "] * 15)
    assert curves.meta[["obj_id", "band"]].to_numpy().tolist() == [["V1", "g"]]


def test_what_a_folder_holds_besides_is_named(tmp_path):
    write_files(tmp_path, V1=FRAME)
    for name in ("V2.out", "README.md"):
        (tmp_path / name).write_text("1 2 3\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"1 files are left out for their names, first V2\.out"):
        assert len(read_lightcurves(tmp_path)) == 1


def test_close_epochs_are_not_lost_without_a_word():
    with pytest.warns(UserWarning, match=r"59 of 119 epochs follow another too closely and are left out; min_cadence"):
        LightCurves.from_frame(pd.concat([FRAME, FRAME.assign(time=T + 0.01).iloc[:-1]]))


def test_fits_with_two_light_curves_is_not_half_read(tmp_path):
    table = fits.table_to_hdu(Table.from_pandas(FRAME))
    other = fits.table_to_hdu(Table({"a": [1.0]}))
    fits.HDUList([fits.PrimaryHDU(), other, table]).writeto(tmp_path / "one.fits")
    assert len(read_lightcurves(tmp_path / "one.fits")) == 1
    fits.HDUList([fits.PrimaryHDU(), table, table.copy()]).writeto(tmp_path / "two.fits")
    with pytest.raises(ValueError, match=r"two\.fits .*its extensions 1, 2 all hold light curves"):
        read_lightcurves(tmp_path / "two.fits")


def test_lists_of_any_kind_and_plain_dicts():
    values = {name: FRAME[name].tolist() for name in FRAME}
    views = {name: pa.array([value, value], pa.list_view(pa.float64())).slice(1) for name, value in values.items()}
    for table in (pa.table(views), {"star": ["V1"], **{name: [value] for name, value in values.items()}}):
        np.testing.assert_allclose(LightCurves.from_frame(table).time, T)
    assert LightCurves.from_frame({**values, "star": "V1", "err": 0.02}).meta["obj_id"].tolist() == ["V1"]


def test_columns_that_nobody_needs_do_no_harm():
    curves = frame_of(remark=[1, *map(str, range(2, 61))], field="LMC", band=None, notes=[[1], None] * 30)
    assert curves.meta["field"].tolist() == ["LMC"] and curves.meta["band"].tolist() == [""]


def test_sentinels_and_wrong_kinds_are_named(star):
    time, mag, err, _ = star
    with pytest.raises(ValueError, match=r"magnitudes hold 99\.9, which stands for a missing one, first at epoch 0"):
        find_period(time, np.where(np.arange(len(mag)) % 9 == 0, 99.9, mag), err)
    for call in (lambda: period_table(FRAME), lambda: featurize("stars.csv")):
        with pytest.raises(TypeError, match=r"LightCurves are wanted, not .*from_frame"):
            call()
    with pytest.raises(TypeError, match="a list holds paths"):
        read_lightcurves([FRAME])
    with pytest.raises(ValueError, match="the path is empty"):
        read_lightcurves("")
    with pytest.raises(ValueError, match="holds '16,5' in row 0, which is no number; write decimal points"):
        frame_of(mag="16,5")
    with pytest.raises(ValueError, match=r"Does a column name each epoch, not each star\? Then say star="):
        frame_of(id=range(60))


def test_a_table_of_classes_is_not_shifted(tmp_path):
    (tmp_path / "tags.csv").write_text("class,tags\nRRc,vnv,pnp\n", encoding="utf-8")
    with pytest.raises(ValueError, match="a row with more cells than its header; tags are separated by spaces"):
        read_class_tags(tmp_path / "tags.csv")
    (tmp_path / "tags.csv").write_text("class,tags,Labels\nRRc,vnv,mine\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has a column 'Labels'"):
        read_class_tags(tmp_path / "tags.csv")


def test_files_of_one_name_or_number_but_other_stars_stay_apart(tmp_path):
    write_files(tmp_path, a=FRAME.assign(star=1, ra=10.0, dec=5.0), b=FRAME.assign(star=1, ra=200.0, dec=5.0))
    assert len(read_lightcurves(tmp_path)) == 2
    numbered = {"c__a": FRAME.assign(_id=1, obj_id="x"), "c__b": FRAME.assign(_id=1, obj_id="y")}
    write_files(tmp_path, **numbered)
    assert read_lightcurves(tmp_path / "c").meta["_id"].tolist() == ["1 of row 0", "1 of row 1"]
    write_files(tmp_path / "d", V1=FRAME)
    (tmp_path / "d" / "V1.txt").write_text(FRAME.to_csv(index=False, sep=" "), encoding="utf-8")
    assert read_lightcurves(tmp_path / "d").meta["obj_id"].tolist() == ["V1.csv", "V1.txt"]


def test_what_is_said_of_many_files_is_said_once(tmp_path):
    reduced = FRAME.assign(time=T - 57000)
    write_files(tmp_path, V1=reduced, V2=reduced, V3=reduced)
    with pytest.warns(UserWarning) as said:
        read_lightcurves(tmp_path)
    assert len(said) == 1 and "(and so of 2 more files)" in str(said[0].message)


def test_epochs_that_are_commented_out_and_comments_as_header(tmp_path):
    text = FRAME.to_csv(index=False).replace("58003.3", "#58003.3")
    (tmp_path / "V1.csv").write_text(text, encoding="utf-8")
    assert read_lightcurves(tmp_path / "V1.csv").n_epochs.tolist() == [59]
    rows = "".join(f"V1 {t} {m} {e}\n" for t, m, e in FRAME.to_numpy())
    (tmp_path / "words.dat").write_text("# star time mag err\n" + rows, encoding="utf-8")
    assert read_lightcurves(tmp_path / "words.dat").meta["obj_id"].tolist() == ["V1"]


def test_errors_and_flags_as_their_messages_say():
    assert len(LightCurves.from_frame(FRAME.assign(quality=0.5), flags="ignore")) == 1
    without = FRAME.drop(columns="err")
    assert set(LightCurves.from_frame(without, err=20 * units.mmag).err) == {0.02}
    with pytest.raises(ValueError, match=r"err is 0\.0; one error for all epochs is a positive number"):
        LightCurves.from_frame(without, err=0)
    with pytest.raises(ValueError, match="the columns differ in length: time 2, mag 3"):
        LightCurves.from_frame({"time": [1.0, 2.0], "mag": [1.0, 2.0, 3.0], "err": 0.1})
    lists = {
        "star": ["a", "b"],
        "time": [T.tolist(), T[:55].tolist()],
        "mag": [[15.0] * 60, [15.0] * 55],
        "err": [[0.1] * 60, [0.1] * 55],
    }
    assert LightCurves.from_frame(lists).n_epochs.tolist() == [60, 55]
