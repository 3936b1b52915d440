"""Catalogue columns by position and by name, against astropy's match."""

import numpy as np
import pandas as pd
import pytest

from scope_nb import Dataset
from scope_nb.dataset import join_catalogue, read_parquet, write_parquet
from scope_nb.dataset.catalogues import catalogue_columns
from scope_nb.taxonomy import CATALOGUES, feature_columns


def sky(rng, n=400):
    """Stars all over the sky, the poles and the meridian among them, and a catalogue of most and of others."""
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    ra[:40] = rng.uniform(-0.001, 0.001, 40) % 360
    dec[20:60] = rng.choice([-1, 1], 40) * rng.uniform(89.999, 90, 40)
    sources = np.r_[rng.integers(0, n, 500), rng.integers(0, n, 100)]
    shift = rng.normal(0, 1.2 / 3600, (2, len(sources)))
    source_dec = np.clip(dec[sources] + shift[1], -90, 90)
    source_ra = (ra[sources] + shift[0] / np.cos(np.radians(source_dec))) % 360
    table = pd.DataFrame({"_id": np.arange(n), "ra": ra, "dec": dec})
    gaia = pd.DataFrame({"ra": source_ra, "dec": source_dec, "phot_g_mean_mag": rng.uniform(12, 20, len(sources))})
    return table, gaia


def test_matches_are_astropys():
    coordinates, units = (pytest.importorskip(f"astropy.{name}") for name in ("coordinates", "units"))
    table, gaia = sky(np.random.default_rng(1))
    here, there = (coordinates.SkyCoord(frame["ra"], frame["dec"], unit="deg") for frame in (table, gaia))
    nearest, distance, _ = here.match_to_catalog_sky(there)
    found = distance.arcsec <= 2
    rows = there.search_around_sky(here, 2 * units.arcsec)[0]
    several = np.bincount(rows, minlength=len(table)) > 1
    with pytest.warns(UserWarning, match=f"{several.sum()} of 400 rows have more than one source within 2 arcsec"):
        joined = join_catalogue(table, gaia)
    expected = np.where(found, gaia["phot_g_mean_mag"].to_numpy()[nearest], np.nan)
    np.testing.assert_array_equal(joined["Gaia_EDR3__phot_g_mean_mag"], expected)
    counts = {"matched": found.sum(), "unmatched": (~found).sum(), "ambiguous": several.sum()}
    assert joined.attrs["matches"] == {"Gaia_EDR3": counts}
    assert 50 < found.sum() < 350 and several.sum() > 20
    pd.testing.assert_frame_equal(joined[list(table)], table)


def test_every_catalogue_column_of_a_question_can_be_filled(table, tmp_path):
    """Public names in three files, none of a value: what a tag is trained on is what was there before."""
    needed = [name for name in feature_columns("ontological") if name.startswith(CATALOGUES)]
    assert len(needed) == 22 and set(needed) <= set(catalogue_columns()["column"])
    bare = table.drop(columns=needed)
    stars = table.drop_duplicates("obj_id")  # one row per source; the two light curves of a star share it
    for number, catalogue in enumerate(CATALOGUES):
        names = {name: catalogue_columns().query("column == @name")["alias"].iloc[-1] for name in needed}
        positions = {"ra": ["RA_ICRS", "RAJ2000", "raMean"][number], "dec": ["DE_ICRS", "DEJ2000", "decMean"][number]}
        own = ["ra", "dec", *(name for name in needed if name.startswith(catalogue))]
        stars[own].rename(columns=names | positions).to_csv(tmp_path / f"{number}.csv", index=False)
        bare = join_catalogue(bare, tmp_path / f"{number}.csv")
    write_parquet(bare, tmp_path / "joined.parquet")
    joined = read_parquet(tmp_path / "joined.parquet")
    everything = {"matched": 800, "unmatched": 0, "ambiguous": 0}
    assert joined.attrs["matches"] == {name.removesuffix("__"): everything for name in CATALOGUES}
    for name in needed:
        np.testing.assert_array_equal(joined[name], stars[name].repeat(2), err_msg=name)
    X = Dataset.read(joined, "rrlyr", dmdt=False).X
    assert set(needed) <= set(X) and X[needed].notna().all(axis=None)


def test_gaps_are_filled_and_values_kept_unless_asked():
    table = pd.DataFrame({"ra": [10.0, 20.0, 30.0, np.nan], "dec": 0.0, "AllWISE__w1mpro": [0.0, 12.0, 13.0, np.nan]})
    catalogue = {"ra": [10.0, 20.0, 20.0, np.nan], "dec": 0.0, "w1mpro": [9.0, 10.0, 10.0, 8.0], "other": "text"}
    kept = join_catalogue(table, pd.DataFrame(catalogue))  # a source in two rows is one, and not ambiguous
    np.testing.assert_array_equal(kept["AllWISE__w1mpro"], [9, 12, 13, np.nan])
    assert kept.attrs["matches"] == {"AllWISE": {"matched": 2, "unmatched": 2, "ambiguous": 0}}
    replaced = join_catalogue(table, pd.DataFrame(catalogue), overwrite=True)
    np.testing.assert_array_equal(replaced["AllWISE__w1mpro"], [9, 10, np.nan, np.nan])
    assert table["AllWISE__w1mpro"].iloc[0] == 0


def test_what_is_no_measurement_is_missing():
    rows = {
        "raMean": [1.0, 2, 3],
        "decMean": 0.0,
        "gMeanPSFMag": [-999.0, 15, np.inf],
        "gMeanPSFMagErr": [pd.NA, 0.1, 0],
    }
    joined = join_catalogue(pd.DataFrame({"ra": [1.0, 2, 3], "dec": 0.0}), pd.DataFrame(rows))
    np.testing.assert_array_equal(joined["PS1_DR1__gMeanPSFMag"], [np.nan, 15, np.nan])
    np.testing.assert_array_equal(joined["PS1_DR1__gMeanPSFMagErr"], [np.nan, 0.1, 0])
    negative = join_catalogue(
        pd.DataFrame({"ra": [1.0], "dec": 0.0}), pd.DataFrame({"ra": [1.0], "dec": 0, "Plx": -60.0})
    )
    assert negative["Gaia_EDR3__parallax"].item() == -60  # no magnitude


def test_names_match_whatever_their_type():
    long = 2468292420539961088
    table = pd.DataFrame({"Gaia_EDR3___id": [long, long + 1, 0, 5], "ra": 0.0, "dec": 0.0})
    gaia = pd.DataFrame({"source_id": [str(long + 1), "0", "5"], "parallax": [1.5, 2.5, 3.5]})
    joined = join_catalogue(table, gaia, on=("Gaia_EDR3___id", "source_id"))
    np.testing.assert_array_equal(joined["Gaia_EDR3__parallax"], [np.nan, 1.5, np.nan, 3.5])
    assert joined.attrs["matches"] == {"Gaia_EDR3": {"matched": 2, "unmatched": 2, "ambiguous": 0}}
    same = join_catalogue(table.rename(columns={"Gaia_EDR3___id": "source_id"}), gaia, on="source_id")
    np.testing.assert_array_equal(same["Gaia_EDR3__parallax"], joined["Gaia_EDR3__parallax"])
    with pytest.raises(ValueError, match="'Gaia_EDR3___id' is floating point, where long numbers lose digits"):
        join_catalogue(table.astype({"Gaia_EDR3___id": float}), gaia, on=("Gaia_EDR3___id", "source_id"))
    with pytest.raises(ValueError, match="has '5' in several rows of 'source_id'"):
        join_catalogue(table, gaia.replace({"0": "5"}), on=("Gaia_EDR3___id", "source_id"))
    with pytest.raises(ValueError, match="unknown column of the catalogue 'sourceid'; did you mean 'source_id'"):
        join_catalogue(table, gaia, on=("Gaia_EDR3___id", "sourceid"))


def test_unusable_catalogues_are_named():
    table = pd.DataFrame({"ra": [10.0, 190.0], "dec": 0.0})
    gaia = pd.DataFrame({"ra": [10.0, 12.0], "dec": 0.0, "parallax": 1.0})
    for catalogue, problem in (
        (
            gaia.rename(columns={"parallax": "distance"}),
            "no column of Gaia, AllWISE or Pan-STARRS by a name that is known",
        ),
        (gaia.assign(Plx=2.0), "has Gaia_EDR3__parallax twice, as 'parallax' and as 'Plx'"),
        (gaia.assign(ra=["10", "0h40m"]), "column 'ra' holds '0h40m' in row 1, which is no number"),
        (gaia.assign(dec=[0.0, -91.0]), "dec -91 in row 1 is no position in degrees"),
        (gaia.drop(columns="dec"), "unknown column of the catalogue 'dec'"),
    ):
        with pytest.raises(ValueError, match=problem):
            join_catalogue(table, catalogue)
    with pytest.raises(ValueError, match="radius is 0"):
        join_catalogue(table, gaia, radius=0)
    with pytest.warns(UserWarning, match=r"not one of 2 rows has a source within 2 arcsec; the nearest is 3.3\de\+04"):
        join_catalogue(table, gaia.assign(ra=gaia["ra"] / 15))
