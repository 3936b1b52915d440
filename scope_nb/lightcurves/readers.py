"""Light curves from files and tables, with quality cuts, and the writer."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from tqdm.auto import tqdm

from ..files import naming_file
from ..parquet import write_arrow
from ..taxonomy import as_names, unknown
from .curves import LightCurves, complete_meta, offsets_of, plain_bands
from .formats import list_files, name_stars, read_file, to_arrow
from .shapes import BAD_FLAG, ONE_STAR, batch_of
from .values import PROBLEMS, as_floats

FLAG_RULES = ("strict", "usual", "ignore")
MANY_CLOSE = 1 / 3  # of the epochs: so many that a cadence other than ZTF's is likely
MANY_FILES = 20  # from so many on a progress bar is shown


def read_lightcurves(
    paths,
    min_epochs=None,
    min_cadence_minutes=None,
    bad="raise",
    *,
    time=None,
    mag=None,
    err=None,
    flux=None,
    band=None,
    star=None,
    flags="strict",
    zero_point=None,
    time_zero=None,
):
    """Read light curves from files of nearly any layout, and return them as `LightCurves`.

    Files are parquet, CSV or other text (with or without header), JSON, and through astropy VOTable, IPAC, FITS and
    ECSV; all but parquet may be packed (.gz, .zst, .bz2). A table has one row per epoch or one row per light curve with
    lists in it, also as structs. Its columns are known by the names in `tables/lightcurve_columns.csv`. Epochs of the
    same light curve, star and band go together; a file without names of stars is one star, named like the file.

    Parameters
    ----------
    paths : path-like, list of path-like, or table
        A file, a folder, a pattern such as "stars/*.csv", several of them, or what `LightCurves.from_frame` takes.
    min_epochs : int, optional
        Light curves with fewer good epochs (50 by default) are left out, with a warning.
    min_cadence_minutes, bad
        See `LightCurves.clean`. With bad="drop" a warning says how many epochs were left out, and why.
    time, mag, flux, band, star : str, optional
        The columns of these roles, where their names are not known. Times are days: MJD, JD, heliocentric if there is a
        choice; time stamps are converted. Errors of fluxes are a column like "flux_err", or `err`.
    err : str or float, optional
        The column of the errors, or one error in magnitudes for all epochs.
    flags : {"strict", "usual", "ignore"} or str
        Which epochs are good: those whose flag is 0 (SCoPe's choice), those without ZTF's bit 32768, or all. Or the
        column of flags, where its name is not known.
    zero_point : float, optional
        The magnitude of a flux of 1; known for nJy, or from a column `zp`.
    time_zero : float, optional
        The Julian date of time 0, for reduced times that do not have it in their name or header.

    Raises
    ------
    FileNotFoundError, ValueError
        They name the file, and the column and row, of what is missing, unknown, unusable or difference photometry.
    """
    if bad not in ("raise", "drop"):
        raise unknown("choice for bad", bad, ["raise", "drop"])
    if err is not None and not isinstance(err, str):
        err = float(as_floats(np.atleast_1d(err), "mag")[0])
        if not err > 0:
            raise ValueError(f"err is {err}; one error for all epochs is a positive number of magnitudes")
    named = {"time": time, "mag": mag, "err": err, "flux": flux, "band": band, "star": star}
    named["flags"] = None if flags in ("strict", "usual") else flags
    source, tables = _open_tables(paths, star)
    batches = _read_batches(tables, source, named, zero_point, time_zero)
    curves = _join(batches, flags)
    n_flagged = sum(len(batch.time) for batch in batches) - len(curves.time)
    return _select(curves, n_flagged, source, min_epochs, min_cadence_minutes, bad)


def _open_tables(paths, star):
    """Return what is read, in words, and for each table itself, its zero of time, its file and the star of that."""
    if not isinstance(paths, str | Path | list | tuple):
        return "the table", [(to_arrow(paths), None, None, None)]
    if isinstance(paths, list | tuple) and not all(isinstance(path, str | Path) for path in paths):
        raise TypeError("a list holds paths of files; tables in memory are joined before, as pandas.concat does")
    files = list_files(paths)
    source = str(paths) if isinstance(paths, str | Path) else str(files[0])
    if isinstance(paths, list | tuple) and len(files) > 1:
        source += f" and {len(files) - 1} more"
    names = [star] if star else []
    files = zip(tqdm(files, "reading", disable=len(files) < MANY_FILES), name_stars(files), strict=True)
    return source, ((*read_file(file, names), file, star_name) for file, star_name in files)


def _read_batches(tables, source, named, zero_point, time_zero):
    """Return the light curves of each table that has rows as a `Batch`."""
    batches, empty, said = [], [], []
    for table, zero, file, star_name in tables:
        if table.num_rows == 0:
            empty.append(file)
            continue
        name = str(file) if file else source
        zero = zero if time_zero is None else time_zero
        with naming_file(file), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            batches.append(batch_of(table, named, name, zero_point, zero, star_name))
        said += [(name, str(entry.message).removeprefix(f"{name}: ")) for entry in warned]
    _warn_once(said)
    if not batches:
        raise ValueError(f"{source} has columns but no rows: there is no light curve in it")
    if empty:
        warnings.warn(f"{len(empty)} of {len(empty) + len(batches)} files have no rows, first {empty[0]}", stacklevel=3)
    return batches


def _warn_once(said):
    """Warn of what was said of files, each once, with the first of them and how many more there are."""
    for text in dict.fromkeys(text for _, text in said):
        names = [name for name, other in said if other == text]
        more = f" (and so of {len(names) - 1} more files)" if len(names) > 1 else ""
        warnings.warn(f"{names[0]}: {text}{more}", stacklevel=4)


def _join(batches, flags):
    """Return the good epochs of several batches as one; a light curve that is in several files is one."""
    metas = [batch.meta.astype({name: object for name in ("_id", "obj_id") if name in batch.meta}) for batch in batches]
    meta = pd.concat(metas, ignore_index=True)
    time, mag, err = (np.concatenate([getattr(batch, name) for batch in batches]) for name in ("time", "mag", "err"))
    counts = np.concatenate([np.diff(batch.offsets) for batch in batches])
    good = np.concatenate([_are_good(batch, flags) for batch in batches])
    curve = np.arange(len(meta))
    if len(batches) > 1:
        of_epochs = np.repeat([batch.of_epochs for batch in batches], [len(batch.meta) for batch in batches])
        curve = _number_together(meta, of_epochs)
    if "_id" in meta and meta["_id"].isna().any():  # of files that do not name their light curves
        numbers = pd.Series([f"unnamed {k}" for k in range(len(meta))], dtype=object)
        meta["_id"] = meta["_id"].where(meta["_id"].notna(), numbers)
    first = np.unique(curve, return_index=True)[1]
    if "_id" in meta and (repeated := meta["_id"].iloc[first].duplicated(keep=False)).any():
        rows = repeated.index[repeated]  # of files that number their light curves each from 1
        meta.loc[rows, "_id"] = [f"{name} of row {row}" for name, row in zip(meta.loc[rows, "_id"], rows, strict=True)]
    order = np.argsort(np.repeat(curve, counts), kind="stable") if len(first) < len(meta) else slice(None)
    offsets = offsets_of(np.bincount(curve, counts).astype(int))
    meta = complete_meta(meta.iloc[first].infer_objects())
    curves = LightCurves(meta, time[order], mag[order], err[order], offsets)
    return curves if good.all() else curves.keep_epochs(good[order])


def _number_together(meta, of_epochs):
    """Return the number of the light curve of each row, where rows of epochs of the same name and band are one."""
    names = [as_names(meta[name]) if name in meta else pd.Series("", meta.index) for name in ("_id", "obj_id")]
    band = plain_bands(meta["band"]) if "band" in meta else pd.Series("", meta.index)
    keys = names[0] + "\0" + names[1] + "\0" + band
    if {"ra", "dec"} <= set(meta):  # stars of one name in different places are not one
        place = meta[["ra", "dec"]].astype(float)
        apart = place.groupby(keys).transform("max") - place.groupby(keys).transform("min") > ONE_STAR
        keys = keys.where(~apart.any(axis=1), keys + "\0" + place.round(2).astype(str).agg(" ".join, axis=1))
    alone = ~of_epochs | ((names[0] == "") & (names[1] == "")).to_numpy()
    keys[alone] = [f"\0{row}" for row in np.flatnonzero(alone)]
    return pd.factorize(keys)[0]


def _are_good(batch, flags):
    """Return whether each epoch is good by its flag."""
    if batch.flags is None or flags == "ignore":
        return np.ones(len(batch.time), bool)
    return batch.flags & BAD_FLAG == 0 if flags == "usual" and batch.in_bits else batch.flags == 0


def _select(curves, n_flagged, source, min_epochs, min_cadence_minutes, bad):
    """Return cleaned light curves that are long enough; warnings count what is left out."""
    problems, total = curves.problems, len(curves.time)
    try:
        curves = curves.clean(min_cadence_minutes, bad)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    enough = curves.long_enough(min_epochs)
    short = len(curves) - len(enough)
    if len(enough) == 0:
        most = curves.n_epochs.max(initial=0)
        advice = "Lower min_epochs, or min_cadence_minutes if the survey takes several exposures a visit"
        if most <= 1 < short:
            advice = "Does a column name each epoch, not each star? Then say star="
        raise ValueError(
            f"{source}: none of {short} light curves has enough epochs; the longest has {most} after cuts"
            f"{f', flags removed {n_flagged:,} epochs' if n_flagged else ''}. "
            f"{advice if most else 'Not one epoch can be used'}"
        )
    if kinds := [f"of {part.sum()} the {text}" for text, part in zip(PROBLEMS, problems, strict=True) if part.any()]:
        lost = f"{np.any(problems, axis=0).sum()} of {total} epochs are left out"
        warnings.warn(f"{source}: {lost}: {'; '.join(kinds)}", stacklevel=3)
    close = total - np.any(problems, axis=0).sum() - len(curves.time)
    if close > MANY_CLOSE * total:
        text = f"{close:,} of {total:,} epochs follow another too closely and are left out"
        warnings.warn(
            f"{source}: {text}; min_cadence_minutes=0 (--min-cadence-minutes 0) keeps those of other times",
            stacklevel=3,
        )
    if n_flagged > total:
        warnings.warn(f"{source}: flags removed {n_flagged:,} of {n_flagged + total:,} epochs", stacklevel=3)
    if short:
        problem = f"{short} of {len(curves)} light curves have too few good epochs and are left out"
        warnings.warn(f"{Path(source).name}: {problem}", stacklevel=3)
    return enough


def write_lightcurves(light_curves, path):
    """Write light curves as parquet, one row each, in the layout that `read_lightcurves` knows best."""
    meta = light_curves.meta.rename(columns={"obj_id": "object_id"})
    table = pa.Table.from_pandas(meta, preserve_index=False)
    mag, err = (pa.array(values, pa.float32()) for values in (light_curves.mag, light_curves.err))
    for name, values in {"hjd": pa.array(light_curves.time), "mag": mag, "magerr": err}.items():
        table = table.append_column(name, pa.ListArray.from_arrays(light_curves.offsets.astype(np.int32), values))
    write_arrow(table, path)
