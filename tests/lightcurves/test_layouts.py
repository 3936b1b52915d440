"""Light curves in the layouts that people hold: what each file must give, and tables in memory."""

import gzip
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.timeseries import TimeSeries

from scope_nb.lightcurves.curves import LightCurves
from scope_nb.lightcurves.readers import read_lightcurves
from scope_nb.periods.search import find_period

PERIOD = 0.5678
SIX = [633207400004731, 633207400004732, 633207400004733, 633207400005731, 633207400005732, 633207400005733]
# file, star and band of each light curve, names of light curves (None: numbered), days from MJD, warning
LAYOUTS = [
    ("01b_irsa_bulk_f32time.parquet", 6, SIX, 0, r"'hmjd' was stored as float32: its times are good to 0\.0039 d"),
    ("02_hats_struct_of_lists.parquet", 6, SIX, 0, None),
    ("02d_hats_flat.csv", 6, SIX, 0, None),
    ("02d_hats_flat.parquet", 6, SIX, 0, None),
    ("12_folder", 6, SIX, 0, None),
    ("03b_irsa_service.xml", 6, SIX, 0.002, None),
    ("03c_irsa_service.tbl", 6, SIX, 0.002, None),
    ("03f_irsa_service.csv.gz", 6, SIX, 0.002, None),
    ("03g_irsa_service_no_catflags.csv", 6, SIX, 0.002, "no column of flags, so all epochs count as good"),
    ("04_alerce_detections.json", 4, None, 0, None),
    ("04b_alerce_detections.csv", 4, None, 0, None),
    ("06b_snad.csv", 6, SIX, 0, None),
    ("07_timeseries.ecsv", 1, None, 0, None),
    ("08_rubin_forced.parquet", 3, None, 0, None),
    ("08b_skyportal_photometry.csv", 6, None, 0, None),
    ("09_own_three_columns.csv", 1, None, 0, None),
    ("09b_own.dat", 1, None, 0, None),
    ("11_kowalski.json", 6, SIX, 0, None),
]


@pytest.fixture(scope="module")
def layouts(realdata):
    folder = realdata.with_name("layouts")
    if not folder.is_dir():
        pytest.skip("no examples of layouts here")
    return folder


@pytest.mark.parametrize(("name", "n", "ids", "shift", "warning"), LAYOUTS, ids=[row[0] for row in LAYOUTS])
def test_every_layout_gives_its_light_curves(layouts, recwarn, name, n, ids, shift, warning):
    reference = pd.read_csv(layouts / "03g_irsa_service_no_catflags.csv")
    curves = read_lightcurves(layouts / name)
    assert len(curves) == n
    assert curves.meta["band"].tolist() == {1: ["g"], 3: ["g", "r", "i"], 4: ["g", "r"] * 2, 6: ["g", "r", "i"] * 2}[
        n
    ] or name.startswith("09")  # one's own three columns have no band
    if ids:
        assert curves.meta["_id"].tolist() == ids
    for curve, oid in zip(curves, [SIX[0], SIX[1], SIX[3], SIX[4]] if n == 4 else SIX, strict=False):
        expected = reference[reference["oid"] == oid]
        kept = np.searchsorted(expected["mjd"].to_numpy() + shift, curve.time - 0.005)
        np.testing.assert_allclose(curve.time, expected["mjd"].to_numpy()[kept] + shift, rtol=0, atol=2.1e-3)
        np.testing.assert_allclose(curve.mag, expected["mag"].to_numpy()[kept], atol=2e-6)
        error = expected["magerr"].to_numpy()[kept]
        assert (curve.err == pytest.approx(error, rel=1e-5)) or name.startswith("08_")  # invented apart from the others
        assert len(curve) >= len(expected) - 1
    messages = [str(entry.message) for entry in recwarn]
    assert len(messages) == (warning is not None), messages
    if warning:
        assert pd.Series(messages).str.contains(warning).all()


def test_difference_photometry_is_refused(layouts):
    with pytest.raises(ValueError, match=r"05b_fink.*'i:magpsf' of Fink is difference photometry.*dc_mag"):
        read_lightcurves(layouts / "05b_fink.csv")
    alerts = pd.read_csv(layouts / "04b_alerce_detections.csv")
    uncorrected = alerts.drop(columns=["magpsf_corr", "sigmapsf_corr", "sigmapsf_corr_ext"])
    with pytest.raises(ValueError, match=r"difference photometry.*Instead ask ALeRCE for magpsf_corr"):
        LightCurves.from_frame(uncorrected)


def test_flux_of_a_space_telescope(layouts):
    path = layouts / "07b_lightkurve_like.fits"
    flux = Table.read(path)
    curves = read_lightcurves(path, zero_point=20.44, time_zero=2457000)
    np.testing.assert_allclose(curves.mag, 20.44 - 2.5 * np.log10(flux["flux"]))
    np.testing.assert_allclose(curves.err, 1.0857362 * flux["flux_err"] / flux["flux"], rtol=1e-6)
    np.testing.assert_allclose(curves.time, Time(flux["time"] + 2457000.0, format="jd").mjd)
    with pytest.warns(UserWarning) as said:
        relative = read_lightcurves(path)
    assert {"no zero point" in str(entry.message) for entry in said} == {True, False}
    np.testing.assert_allclose(relative.mag, curves.mag - 20.44)
    assert find_period(*[getattr(relative, x) for x in ("time", "mag", "err")]).period == pytest.approx(
        PERIOD, rel=1e-3
    )


def test_the_header_of_a_space_telescope_counts(tmp_path):
    header = {"BJDREFI": 2457000, "BJDREFF": 0.0, "OBJECT": "TIC 7", "RA_OBJ": 10.0, "DEC_OBJ": -20.0}
    table = Table({"TIME": [1500.0, 1500.5, 1501.0], "PDCSAP_FLUX": np.array([1e4, 1.1e4, np.nan], ">f4")}, meta=header)
    table["PDCSAP_FLUX_ERR"], table["SAP_FLUX"], table["QUALITY"] = 10.0, 5.0, [0, 0, 16]
    hdu = fits.table_to_hdu(table)
    hdu.header["TUNIT1"] = "BJD - 2457000, days"  # as it is in theirs, against the standard
    hdu.writeto(tmp_path / "tess.fits")
    with pytest.warns(UserWarning, match="1 of 3 fluxes are missing or not positive"):
        curves = read_lightcurves(tmp_path / "tess.fits", min_epochs=1, zero_point=20.44)
    np.testing.assert_allclose(curves.time, [58499.5, 58500.0])
    np.testing.assert_allclose(curves.mag, 20.44 - 2.5 * np.log10([1e4, 1.1e4]), rtol=1e-6)
    assert curves.meta[["obj_id", "ra", "dec"]].iloc[0].tolist() == ["TIC 7", 10.0, -20.0]


def test_stars_in_a_folder_become_periods_with_three_lines(tmp_path, star):
    time, mag, err, period = star
    for name, factor in (("first", 1.0), ("second.one", 1.7)):
        frame = pd.DataFrame({"time": 58200 + (time - 58200) * factor, "mag": mag, "err": err})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)

    from scope_nb import period_table, read_lightcurves

    periods = period_table(read_lightcurves(tmp_path), by_star=True, progress=False)["period"]
    assert periods.to_dict() == pytest.approx({"first": period, "second.one": period * 1.7}, rel=1e-4)
    assert len(read_lightcurves([tmp_path / "first.csv", tmp_path / "second.one.csv"])) == 2
    assert len(read_lightcurves(str(tmp_path / "*.csv"))) == 2
    with pytest.raises(FileNotFoundError, match=r"there is no file .*\*\.dat"):
        read_lightcurves(str(tmp_path / "*.dat"))


def observations(n=60, seed=0):
    """Return a table of one row per epoch: two stars in two bands, mixed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"star": rng.choice(["a", "000012"], n), "band": rng.choice(["g", "r"], n)})
    frame["mjd"] = 58000 + rng.permutation(n) * 1.25 + rng.random(n)
    frame["mag"], frame["magerr"] = rng.normal(16, 0.5, n), rng.uniform(0.01, 0.05, n)
    return frame


def read_simply(table, **options):
    """Return what a table gives, in the order of stars and bands, as plain lists."""
    curves = LightCurves.from_frame(table, min_epochs=1, min_cadence_minutes=0, **options)
    rows = zip(curves.meta["obj_id"].astype(str), curves.meta["band"], curves, strict=True)
    return sorted((star, band, c.time.tolist(), c.mag.tolist(), c.err.tolist()) for star, band, c in rows)


def test_tables_in_memory_give_the_same(tmp_path):
    frame = observations()
    expected = read_simply(frame)
    assert [row[:2] for row in expected] == [("000012", "g"), ("000012", "r"), ("a", "g"), ("a", "r")]
    assert sum(len(row[2]) for row in expected) == 60
    times = Time(frame["mjd"].to_numpy(), format="mjd")
    data = {"mag": frame["mag"].to_numpy() * units.mag, "magerr": frame["magerr"].to_numpy() * 1000 * units.mmag}
    names = {name: frame[name].to_list() for name in ("star", "band")}
    astropy_tables = [
        Table.from_pandas(frame),
        QTable({**names, "time": times, **data}),
        TimeSeries(time=times, data={**names, **data}),
        QTable({**names, "mjd": (frame["mjd"].to_numpy() * 24) * units.hour, **data}),
    ]
    for table in [
        frame.set_index(["star", "band"]),
        pa.Table.from_pandas(frame),
        frame.to_dict("list"),
        *astropy_tables,
    ]:
        got = read_simply(table)
        assert [row[:2] for row in got] == [row[:2] for row in expected]
        for one, two in zip(got, expected, strict=True):
            np.testing.assert_allclose(one[2:], two[2:], rtol=1e-12)
    with pytest.raises(TypeError, match="not from int"):
        LightCurves.from_frame(5)


def test_a_stored_index_is_a_column(tmp_path):
    frame = observations()
    frame.set_index(["star", "band"]).to_parquet(tmp_path / "index.parquet")
    assert read_simply(pq.read_table(tmp_path / "index.parquet")) == read_simply(frame)
    lists = pd.DataFrame({"hjd": [[58000.0, 58001.0]] * 3, "mag": [[15.0, 15.1]] * 3, "magerr": [[0.1, 0.1]] * 3})
    for index in (pd.Index([7, 8, 11], name="_id"), pd.RangeIndex(5, 8, name="_id")):
        lists.set_index(index).to_parquet(tmp_path / "lists.parquet")
        curves = read_lightcurves(tmp_path / "lists.parquet", min_epochs=1)
        assert curves.meta["_id"].tolist() == list(index)


def test_names_are_the_same_from_every_format(tmp_path):
    rows = pd.DataFrame({"mjd": [58000.0, 58001.0], "mag": 15.0, "magerr": 0.1})
    for names in (["000012", "12e3", "NA", "None"], [2**53 + 1, 2**53 + 2, 2**53 + 3, 7]):
        frame = pd.concat([rows.assign(star=name) for name in names], ignore_index=True)
        frame.to_csv(tmp_path / "t.csv", index=False)
        frame.to_parquet(tmp_path / "t.parquet")
        (tmp_path / "t.json").write_text(frame.to_json(orient="records"), encoding="utf-8")
        Table.from_pandas(frame).write(tmp_path / "t.ecsv", overwrite=True)
        for suffix in ("csv", "parquet", "json", "ecsv"):
            curves = read_lightcurves(tmp_path / f"t.{suffix}", min_epochs=1)
            assert curves.meta["obj_id"].tolist() == names, suffix
    frame = frame.assign(star=frame["star"].astype(float))
    with pytest.raises(ValueError, match=r"9007199254740992 in row 0 of 'star' is a floating-point number"):
        LightCurves.from_frame(frame, min_epochs=1)
    with pytest.raises(ValueError, match=r"column 'star', which names the stars, is empty in row 3"):
        LightCurves.from_frame(frame.assign(star=["a", "a", "b", "", *["c"] * 4]), min_epochs=1)


def test_stars_without_names_are_not_one(tmp_path):
    frame = observations().drop(columns="star").assign(ra=10.0, dec=20.0)
    assert len(LightCurves.from_frame(frame, min_epochs=1, min_cadence_minutes=0)) == 2
    frame.loc[30:, "dec"] = 20.01
    with pytest.raises(ValueError, match="no column names the stars, but positions differ; say which does by star="):
        LightCurves.from_frame(frame, min_epochs=1)


def test_text_of_many_kinds(tmp_path):
    frame = observations().query("star == 'a' and band == 'g'").drop(columns=["star", "band"])
    text = frame.to_csv(index=False)
    n = len(frame)
    versions = {
        "plain.csv": text,
        "comments.csv": "# made by hand\n" + text.replace("\n", "\n# a remark\n", 3),
        "tabs.tsv": text.replace(",", "\t"),
        "semicolons.csv": text.replace(",", ";"),
        "spaces.txt": "  " + text.replace(",", "   ").replace("\n", " \n  "),
        "windows.csv": "\ufeff" + text.replace("\n", "\r\n"),
        "header.dat": "# mjd mag magerr\n" + text.partition("\n")[2].replace(",", " "),
        "J1234+56.7": text.partition("\n")[2].replace(",", " "),
        "limits.csv": text + "59999.5,>17.5,99.99\n",
    }
    for name, content in versions.items():
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        if name == "limits.csv":
            with pytest.warns(
                UserWarning, match=rf"1 of {n + 1} epochs are left out: of 1 the magnitude is NaN .*; of 1"
            ):
                curves = read_lightcurves(tmp_path / name, min_epochs=1, min_cadence_minutes=0, bad="drop")
        else:
            curves = read_lightcurves(tmp_path / name, min_epochs=1, min_cadence_minutes=0)
        np.testing.assert_array_equal(curves.time, np.sort(frame["mjd"]), err_msg=name)
    for suffix, packed in (
        ("gz", gzip.compress(text.encode())),
        ("zst", pa.compress(text.encode(), "zstd", asbytes=True)),
    ):
        path = tmp_path / f"plain.csv.{suffix}"
        path.write_bytes(packed)
        assert read_lightcurves(path, min_epochs=1, min_cadence_minutes=0).n_epochs.tolist() == [n]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "it is empty"),
        ("header.csv", "oid,hjd,mag,magerr,catflags,filtercode\n", "has columns but no rows"),
        ("ragged.csv", "time,mag,err\n1,2,3\n1,2\n", "Expected 3 columns, got 2"),
        ("deep.json", "[" * 100_000, "named .json but cannot be read"),
        ("text.json", '"light curve"', "neither a list of objects nor an object of lists"),
        ("mixed.json", '[{"mjd": 1}, {"mjd": "x"}]', "'mjd' is not of one kind"),
        ("latin.csv", "time,mag,err,é\n", "can't decode byte"),
        ("page.xml", "<html>no</html>", "named .xml but cannot be read"),
        ("not.fits", "SIMPLE", "named .fits but cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=message) as error:
        read_lightcurves(path)
    assert name in str(error.value)
    with pytest.raises(ValueError, match=message) as error:
        read_lightcurves([path])
    assert "0 more" not in str(error.value)


def test_what_one_column_lacks_is_taken_from_another():
    frame = pd.DataFrame({"hjd": [2458000.51, np.nan, 2458002.51], "mjd": [58000.0, 58001.0, 58002.0]})
    frame = frame.assign(mag=15.0, magerr=0.1, time=["later"] * 3)
    curves = LightCurves.from_frame(frame, min_epochs=1)
    np.testing.assert_allclose(curves.time, [58000.01, 58001.0, 58002.01])


def test_lists_may_hold_several_bands_and_stars_may_be_nested():
    row = {"objectId": 5, "band": ["g", "r", "g"], "time": [58000.0, 58001.0, 58002.0]}
    row |= {"mag": [15.0, 16.0, 15.1], "err": [0.1] * 3}
    table = pa.Table.from_pylist([row, row | {"objectId": 6}])
    curves = LightCurves.from_frame(table, min_epochs=1)
    assert curves.meta["obj_id"].tolist() == [5, 5, 6, 6]
    assert curves.meta["band"].tolist() == ["g", "r", "g", "r"]
    assert curves.n_epochs.tolist() == [2, 1, 2, 1]
    short = pa.Table.from_pylist([row, row | {"mag": [15.0]}])
    with pytest.raises(ValueError, match="row 1: the lists 'time' and 'mag' differ in length"):
        LightCurves.from_frame(short)


def test_nested_pandas_frames():
    nested = pytest.importorskip("nested_pandas")
    frame = observations().set_index("star")
    packed = nested.NestedFrame.from_flat(frame, base_columns=[], name="lightcurve")
    assert read_simply(packed) == read_simply(frame)


def test_columns_may_be_named_and_errors_say_which_there_are():
    frame = observations().rename(columns={"mag": "brightness", "mjd": "when"})
    with pytest.raises(ValueError, match=r"no column is known as time or as mag .*its columns are star, band, when"):
        LightCurves.from_frame(frame)
    assert read_simply(frame, time="when", mag="brightness") == read_simply(observations())
    with pytest.raises(ValueError, match="unknown column for mag 'bright'; did you mean 'brightness'"):
        LightCurves.from_frame(frame, time="when", mag="bright")
    without = observations().drop(columns="magerr")
    with pytest.raises(ValueError, match=r"no column is known as the error of 'mag'.*err=0\.02"):
        LightCurves.from_frame(without)
    assert set(LightCurves.from_frame(without, err=0.02, min_epochs=1).err) == {0.02}
    fluxes = observations().assign(mag=1200.0)
    with pytest.raises(ValueError, match=r"'mag' is 1200 in the middle, which are no magnitudes\. Are they fluxes"):
        LightCurves.from_frame(fluxes)


def test_negative_fluxes_are_missing_and_counted():
    frame = pd.DataFrame({"objectId": 1, "band": "g", "expMidptMJD": 58000.0 + np.arange(4)})
    frame = frame.assign(psfFlux=[1e5, -3.0, 0.0, 3631e9], psfFluxErr=50.0)
    with pytest.warns(UserWarning) as said:
        curves = LightCurves.from_frame(frame, min_epochs=1, bad="drop")
    assert "2 of 4 fluxes are missing or not positive" in str(said[0].message)
    np.testing.assert_allclose(curves.mag, [31.4 - 12.5, 0.0], atol=1e-3)
    jansky = Table({"mjd": frame["expMidptMJD"], "flux": [3631.0] * 4 * units.Jy, "flux_err": [1.0] * 4 * units.Jy})
    np.testing.assert_allclose(LightCurves.from_frame(jansky, min_epochs=1).mag, 0.0, atol=1e-4)


def test_masks_sentinels_and_quantities_are_missing_or_converted(star):
    time, mag, err, period = star
    rng = np.random.default_rng(0)
    hidden = rng.random(mag.size) < 0.3
    spoilt = np.where(hidden, 99.0, mag)
    kept = find_period(time[~hidden], mag[~hidden], err[~hidden]).period
    assert kept == pytest.approx(period, rel=1e-4)
    masked = np.ma.MaskedArray(spoilt, hidden)
    with pytest.raises(ValueError, match="magnitudes hold NaN or infinite values"):
        find_period(time, masked, err)
    for values in (masked, MaskedColumn(spoilt, mask=hidden), pd.Series(mag).mask(hidden).astype("Float64"), spoilt):
        with pytest.raises(ValueError, match=rf"magnitude is NaN or infinite, or beyond 50.* in {hidden.sum()} of"):
            LightCurves.from_arrays(time, values, err)
        curve = LightCurves.from_arrays(time, values, err, bad="drop", min_cadence_minutes=0)[0]
        assert find_period(curve.time, curve.mag, curve.err).period == kept
    moments = Time(time, format="mjd")
    for times, mags in ((moments, mag * 1000 * units.mmag), (moments.datetime64, mag), (time * 24 * units.h, mag)):
        assert find_period(times, mags, err).period == pytest.approx(period, rel=1e-4)
    swapped = [x.astype(">f8") for x in (time, mag, err)]
    assert find_period(*swapped).period == find_period(time, mag, err).period
    nines = LightCurves.from_arrays(time, mag, np.where(hidden, 9.9, err), bad="drop", min_cadence_minutes=0)
    assert nines.n_epochs.tolist() == [(~hidden).sum()]


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda mjd: (mjd - 40587) * 86400, r"no days but perhaps seconds since 1970: divide by 86400 and add 40587"),
        (lambda mjd: (mjd - 40587) * 86400e3, r"perhaps milliseconds since 1970"),
        (lambda mjd: (mjd - 40587) * 86400e9, r"perhaps time stamps in nanoseconds"),
        (lambda mjd: mjd * 86400, r"perhaps seconds: divide by 86400"),
        (lambda mjd: (mjd + 2400000.5).astype(np.float32), r"good to 0\.25 d only, too coarse for any period"),
    ],
)
def test_times_that_are_no_days_are_refused(star, convert, message):
    time, mag, err, _ = star
    with pytest.raises(ValueError, match=message):
        LightCurves.from_frame(pd.DataFrame({"time": convert(time), "mag": mag, "err": err}))
    with pytest.raises(ValueError, match=message):
        find_period(convert(time), mag, err)


def test_times_that_may_be_no_days_are_asked_about(star):
    time, mag, err, _ = star
    frame = pd.DataFrame({"time": (time - time[0]) * 86400, "mag": mag, "err": err})
    frame = frame[frame["time"] < 9e6]
    with pytest.warns(UserWarning) as said:
        curves = LightCurves.from_frame(frame, min_epochs=1)
    assert any("years" in str(entry.message) and "is it in days?" in str(entry.message) for entry in said)
    with pytest.raises(ValueError, match=r"trial frequencies: are the times in days\? If so, lower max_freq"):
        find_period(*[getattr(curves, name) for name in ("time", "mag", "err")])
    with pytest.warns(UserWarning, match="good to 0.0039 d only"):
        LightCurves.from_frame(pd.DataFrame({"time": time.astype(np.float32).astype(float), "mag": mag, "err": err}))


@pytest.mark.parametrize("text", [False, True])
def test_time_stamps_are_converted(star, text):
    time, mag, err, _ = star
    stamps = pd.to_datetime(time - 40587, unit="D", utc=True)
    frame = pd.DataFrame({"date": stamps.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if text else stamps, "mag": mag, "err": err})
    curves = LightCurves.from_frame(frame, min_cadence_minutes=0)
    np.testing.assert_allclose(curves.time, time, rtol=0, atol=1e-9)


def test_an_answer_of_alerce_is_read_as_it_is(layouts, tmp_path):
    rows = json.loads((layouts / "04_alerce_detections.json").read_text(encoding="utf-8"))
    answer = {"detections": rows, "non_detections": [{"mjd": 58000.0, "fid": 1, "diffmaglim": 20.0}]}
    (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    assert len(read_lightcurves(tmp_path / "answer.json")) == 4
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    assert len(LightCurves.from_frame(pq.read_table(buffer))) == 4


T, M, E = 58000 + np.arange(60) * 3.3, 16 + 0.3 * np.sin(np.arange(60)), np.full(60, 0.02)
SURVEYS = {  # columns, and band, magnitude and error that they must give, or the error that refuses them
    "ASAS-SN": ({"HJD": T + 2400000.5, "mag": M, "mag_err": E, "flux(mJy)": 1.0, "Filter": "V"}, ("V", M, E)),
    "AAVSO": ({"JD": T + 2400000.5, "Magnitude": M, "Uncertainty": E, "Band": "V", "Star Name": "x"}, ("V", M, E)),
    "Gaia": ({"g_transit_time": T - 55197, "g_transit_mag": M, "flux_over_error": 50.0}, ("", M, E * 1.0857362)),
    "PTF": ({"oid": 5, "obsmjd": T, "mag_autocorr": M, "magerr_auto": E, "fid": 2}, ("r", M, E)),
    "Catalina": ({"MasterID": 7, "Mag": M, "Magerr": E, "RA": 1.0, "Decl": 2.0, "MJD": T}, ("", M, E)),
    "Lasair": ({"objectId": "a", "mjd": T, "fid": 1, "magpsf": 9.0, "dc_mag": M, "dc_sigmag": E}, ("g", M, E)),
    "ALeRCE, forced": (
        {"oid": "a", "mjd": T, "fid": 1, "mag": 9.0, "e_mag": 9.0, "mag_corr": M, "e_mag_corr_ext": E, "isdiffpos": 1},
        ("g", M, E),
    ),
    "zero points": (
        {"time": T, "band": "ztfr", "flux": 1e3, "fluxerr": E * 1e3, "zp": M + 7.5},
        ("r", M, E * 1.0857362),
    ),
    "alerts": (
        {"objectId": "a", "jd": T + 2400000.5, "mag": M, "magerr": E, "isdiffpos": "t"},
        "'isdiffpos' of alerts",
    ),
    "ATLAS": ({"MJD": T, "m": M, "dm": E, "uJy": 10.0, "duJy": 1.0}, "ask for reduced images"),
    "Rubin, differences": ({"diaSourceId": 1, "midpointMjdTai": T, "psfFlux": 9.0, "psfFluxErr": 1.0}, "ForcedSource"),
    "Jansky": ({"mjd": T, "psfFlux": 1e-3, "psfFluxErr": 1e-5}, r"if 'psfFlux' is in nJy, magnitudes are about 38\.9"),
}


@pytest.mark.parametrize(("columns", "expected"), SURVEYS.values(), ids=SURVEYS)
def test_columns_as_surveys_name_them(columns, expected):
    frame = pd.DataFrame(columns)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            LightCurves.from_frame(frame)
        return
    band, mag, err = expected
    curves = LightCurves.from_frame(frame)
    assert curves.meta["band"].tolist() == [band]
    np.testing.assert_allclose(curves.time, T, rtol=0, atol=1e-6)
    np.testing.assert_allclose(curves.mag, mag)
    np.testing.assert_allclose(curves.err, err, rtol=1e-6)
