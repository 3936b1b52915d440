"""Catalogue columns of a training table, filled from one's own table of Gaia, AllWISE or Pan-STARRS."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from ..lightcurves.curves import chord, unit_vectors
from ..lightcurves.values import as_floats
from ..taxonomy import TABLES, as_names, check_names, feature_table
from .tables import as_frame, read_table

FAINTEST = 50  # magnitudes beyond it, either way, stand for a missing one: Pan-STARRS has -999


@cache
def catalogue_columns():
    """Return by which names public catalogues call a column of the training table: `column`, `alias`, `source`.

    `ra` and `dec` are the positions, in degrees, pair by pair; of several that a catalogue has the first one counts.
    """
    return pd.read_csv(TABLES / "catalogue_columns.csv", keep_default_na=False)


def join_catalogue(table, catalogue, radius=2.0, on=None, overwrite=False):
    """Return a training table with the columns of Gaia, AllWISE or Pan-STARRS from one's own table of these.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns `ra` and `dec` (degrees), as `featurize` makes it.
    catalogue : table or path-like
        One row per source: positions in degrees and columns named as in the public catalogues (`phot_g_mean_mag`,
        `w1mpro`, `gMeanPSFMag`, see `catalogue_columns`, in capital or small letters) or as in the training table;
        other columns are ignored. It is a table of pandas, astropy or Arrow, or a .parquet, .csv or .h5 file.
    radius : float
        A row gets the nearest source within so many arcsec. Catalogues give positions of one date (Gaia of 2016.0):
        stars that moved further since are not matched.
    on : str or pair of str, optional
        Match by this column, of both, or by two of other names, that of `table` first, instead of by position.
    overwrite : bool
        Whether values of the catalogue, the missing ones too, replace those that `table` has; else only gaps are
        filled, 0 among them.

    Returns
    -------
    pandas.DataFrame
        The rows of `table`; what no source was found for is NaN. `attrs["matches"]` holds, for each catalogue, how many
        rows are `matched`, `unmatched` and `ambiguous`: with several sources within the radius, of which a warning
        tells, as it does if no row is matched. A `ValueError` names columns and rows that cannot be used.
    """
    frame = as_frame(catalogue)
    catalogue = read_table(catalogue) if frame is None else frame
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"a catalogue is joined to a DataFrame, as featurize makes it, not to {type(table).__name__}")
    radius = float(as_floats(np.atleast_1d(radius), "arcsec")[0])
    if catalogue.empty:
        raise ValueError("the catalogue has no rows")
    names = _find_columns(catalogue)
    sources = pd.DataFrame({column: _measured(catalogue, name, column) for column, name in names.items()})
    if on is None:
        place, n_sources = _match_positions(table, catalogue, sources, radius)
    else:
        place, n_sources = _match_names(table, catalogue, sources, *([on, on] if isinstance(on, str) else on))
    matched = place >= 0
    columns = {}
    for column in names:
        values = np.where(matched, sources[column].to_numpy()[place], np.nan)
        if column in table and not overwrite:
            stored = _numbers(table, column, "the table")
            values = np.where(np.isfinite(stored) & (stored != 0), stored, values)
        columns[column] = values
    result = table.assign(**columns)
    counts = {"matched": matched.sum(), "unmatched": (~matched).sum(), "ambiguous": (n_sources > 1).sum()}
    counts = {kind: int(count) for kind, count in counts.items()}
    matches = {column.partition("__")[0]: counts for column in names}
    result.attrs = table.attrs | {"matches": table.attrs.get("matches", {}) | matches}
    return result


def _find_columns(catalogue):
    """Return for each column of the training table that a catalogue has the name that it has there."""
    aliases = catalogue_columns().query("column not in ['ra', 'dec']")
    column_of = dict(zip(aliases["alias"].str.lower(), aliases["column"], strict=True))
    column_of |= {column.lower(): column for column in aliases["column"]}
    names = {}
    for name in catalogue.columns:
        column = column_of.get(str(name).lower())
        if column in names:
            raise ValueError(f"the catalogue has {column} twice, as {names[column]!r} and as {name!r}: leave one out")
        if column:
            names[column] = name
    if not names:
        raise ValueError(
            f"the catalogue has no column of Gaia, AllWISE or Pan-STARRS by a name that is known; its columns are "
            f"{', '.join(map(str, catalogue.columns))}. {TABLES / 'catalogue_columns.csv'} lists the names"
        )
    return names


def _match_positions(table, catalogue, sources, radius):
    """Return the nearest source of each row, -1 where there is none within `radius`, and how many are within it."""
    if not radius > 0:
        raise ValueError(f"radius is {radius}; it is a distance in arcsec, above 0")
    aliases = catalogue_columns().groupby("column")["alias"]
    by_lower = {str(name).lower(): name for name in catalogue.columns}
    pairs = zip(aliases.get_group("ra"), aliases.get_group("dec"), strict=True)
    pairs = [[by_lower.get(name.lower(), name) for name in pair] for pair in pairs]
    ra, dec = next((pair for pair in pairs if set(pair) <= set(catalogue)), ("ra", "dec"))
    rows, stars = _positions(table, "ra", "dec", "the table")
    catalogue_rows, points = _positions(catalogue, ra, dec, "the catalogue")
    # the same source in several rows, as crossmatches of light curves have it, is one
    distinct = sources.iloc[catalogue_rows].assign(x=points[:, 0], y=points[:, 1], z=points[:, 2]).drop_duplicates()
    place, n_sources = np.full(len(table), -1), np.zeros(len(table), int)
    if len(rows) and len(distinct):
        tree = cKDTree(distinct[["x", "y", "z"]])
        distance, nearest = tree.query(stars)
        place[rows] = np.where(distance <= chord(radius), distinct.index[nearest], -1)
        n_sources[rows] = tree.query_ball_point(stars, chord(radius), return_length=True)
        if (place < 0).all():
            apart = np.degrees(2 * np.arcsin(distance.min() / 2)) * 3600
            warnings.warn(
                f"not one of {len(table)} rows has a source within {radius:g} arcsec; the nearest is {apart:.3g} "
                "arcsec away. Are all positions in degrees?",
                stacklevel=3,
            )
    if several := (n_sources > 1).sum():
        warnings.warn(
            f"{several} of {len(table)} rows have more than one source within {radius:g} arcsec, and get the nearest",
            stacklevel=3,
        )
    return place, n_sources


def _match_names(table, catalogue, sources, left, right):
    """Return the source that has the name of each row, -1 where none has it, and how many have it."""
    keys, names = _names(catalogue, right, "the catalogue"), _names(table, left, "the table")
    keys = sources.assign(name=keys).drop_duplicates()["name"]
    keys = keys[keys != ""]
    if (repeated := keys.duplicated()).any():
        raise ValueError(f"the catalogue has {keys[repeated].iloc[0]!r} in several rows of {right!r}: keep one of each")
    position = pd.Index(keys).get_indexer(names)
    place = np.where(position >= 0, keys.index.to_numpy()[position], -1)
    if (place < 0).all():
        warnings.warn(f"not one of {len(table)} rows has a {left!r} that the catalogue has as {right!r}", stacklevel=3)
    return place, (place >= 0).astype(int)


def _names(frame, column, owner):
    """Return a column as names; missing ones, and the number 0, are ""."""
    check_names(f"column of {owner}", [column], frame.columns)
    if pd.api.types.is_float_dtype(frame[column].dtype) and frame[column].abs().max() > 2**53:
        raise ValueError(f"{owner}: {column!r} is floating point, where long numbers lose digits: read it as text")
    return as_names(frame[column]).replace("0", "").to_numpy()


def _positions(frame, ra, dec, owner):
    """Return the rows that have a position, and these as points on the unit sphere."""
    ra_values, dec_values = _numbers(frame, ra, owner), _numbers(frame, dec, owner)
    outside = (ra_values < 0) | (ra_values > 360) | (np.abs(dec_values) > 90)
    if outside.any():
        row = np.argmax(outside)
        raise ValueError(
            f"{owner}: {ra} {ra_values[row]:g}, {dec} {dec_values[row]:g} in row {row} is no position in degrees"
        )
    rows = np.flatnonzero(np.isfinite(ra_values) & np.isfinite(dec_values))
    return rows, unit_vectors(ra_values[rows], dec_values[rows])


def _measured(catalogue, name, column):
    """Return a column of a catalogue as floats; what is no measurement is NaN."""
    values = _numbers(catalogue, name, "the catalogue")
    if feature_table()["unit"].get(column) == "mag":
        values = np.where(np.abs(values) < FAINTEST, values, np.nan)
    return values


def _numbers(frame, column, owner):
    """Return a column as floats, missing and infinite ones NaN, or name the first row that holds something else."""
    check_names(f"column of {owner}", [column], frame.columns)
    numbers = pd.to_numeric(frame[column], errors="coerce")
    wrong = (numbers.isna() & frame[column].notna()).to_numpy()
    if wrong.any():
        row = np.argmax(wrong)
        value = frame[column].iloc[row]
        raise ValueError(f"{owner}: column {column!r} holds {value!r} in row {row}, which is no number")
    values = numbers.to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
