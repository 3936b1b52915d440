"""Files of light curves in any format, and tables in memory, as tables of Arrow."""

import io
import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ..files import existing_file, parse_json
from ..parquet import read_arrow
from .roles import column_facts
from .values import OURS, as_floats, our_unit

TEXT = (".csv", ".tsv", ".txt", ".dat", "")
ASTROPY = {".xml": "votable", ".vot": "votable", ".votable": "votable", ".tbl": "ascii.ipac", ".ecsv": "ascii.ecsv"}
ASTROPY |= dict.fromkeys((".fits", ".fit"), "fits")
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
SUFFIXES = (".parquet", *TEXT[:-1], ".json", *ASTROPY)
NO_LIGHT_CURVES = (".md", ".properties", ".png", ".jpg", ".pdf", ".html", ".py", ".ipynb", ".yaml", ".yml", ".log")
DELIMITERS = (",", "\t", ";", "|")
MISSING = ("", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "none", "--", "-")


def list_files(paths):
    """Return the files of light curves of a path, a list of paths, a folder or a pattern with *, each once.

    Of folders all files of a known suffix are taken, at any depth, but for those whose names begin with a dot or an
    underscore; of HATS catalogues those of the data, without margins. A warning names files that look like light curves
    but have another suffix. None at all is a `FileNotFoundError`.
    """
    if not isinstance(paths, str | Path):
        files = [file for path in paths for file in list_files(path)]
        if not files:
            raise FileNotFoundError("no file is named: the list of paths is empty")
        return list({os.path.realpath(file): file for file in files}.values())
    if not str(paths):
        raise ValueError("the path is empty; '.' is the current folder")
    path = Path(paths).expanduser()
    if path.is_dir():
        return _list_folder(path)
    if not path.exists() and re.search(r"[*?\[]", path.name):
        files = sorted(path.parent.glob(path.name))
        return list_files(files) if files else [existing_file(path)]
    return [existing_file(path)]


def find_dataset(folder):
    """Return the folder of the data of a HATS catalogue, or of the main catalogue of a collection; None of others."""
    collection = folder / "collection.properties"
    if collection.is_file():
        match = re.search(r"(?m)^hats_primary_table_url\s*=\s*(\S+)", collection.read_text(encoding="utf-8"))
        folder = folder / match[1] if match else folder
    is_catalogue = any((folder / name).is_file() for name in ("hats.properties", "properties"))
    return folder / "dataset" if is_catalogue and (folder / "dataset").is_dir() else None


def _list_folder(folder):
    folder, files, others = find_dataset(folder) or folder, [], []
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        if file.is_dir() or hidden:
            continue
        if split_suffix(file)[0] in SUFFIXES and file.is_file():
            files.append(file)
        elif not re.search(r"(?i)readme|licen[cs]e", file.name) and file.suffix.lower() not in NO_LIGHT_CURVES:
            others.append(file.name)
    if not files:
        raise FileNotFoundError(f"{folder} holds no file whose name ends in {', '.join(SUFFIXES)}")
    if others:
        text = f"{folder}: {len(others)} files are left out for their names, first {others[0]}"
        warnings.warn(f"{text}; they must end in {', '.join(SUFFIXES)}, or be listed one by one", stacklevel=4)
    return files


def name_stars(files):
    """Return for each file the name of the star that it holds, if it names none: its own, without suffixes.

    Where two files have the same name, the folders in which they differ come before it, as in `field1/V1`.
    """
    stems = [_strip_suffixes(file) for file in files]
    if len(set(stems)) == len(stems):
        return stems
    folders = [Path(os.path.realpath(file.parent)) for file in files]
    top = os.path.commonpath(folders)
    names = [(folder.relative_to(top) / stem).as_posix() for folder, stem in zip(folders, stems, strict=True)]
    again = pd.Index(names).duplicated(keep=False)  # V1.csv and V1.txt
    return [
        name + file.name.removeprefix(stem) if same else name
        for name, stem, file, same in zip(names, stems, files, again, strict=True)
    ]


def _strip_suffixes(file):
    suffix, packing = split_suffix(file)
    name = file.name[: -len(file.suffix)] if packing else file.name
    return name[: -len(suffix)] if suffix in SUFFIXES else name


def split_suffix(path):
    """Return the suffix of a file's format, and how it is packed; "" where there is none."""
    *_, inner, last = ("", "", *(suffix.lower() for suffix in path.suffixes))
    return (inner, PACKED[last]) if last in PACKED else (last, "")


def read_file(path, names=()):
    """Return the table of a file, and the Julian date of time 0 where its header has it, else None.

    The format is that of the suffix; a `ValueError` names the file if its content is something else. Columns called
    like one of `names` hold names, which text must not turn into numbers.
    """
    suffix, packing = split_suffix(path)
    if suffix not in SUFFIXES and suffix not in TEXT:
        suffix = ""  # as in J1234+5.6, a name of a star
    try:
        if suffix == ".parquet":
            return read_parquet_table(path), None
        with pa.input_stream(str(path), compression=packing or None) as stream:
            content = stream.read()
        if suffix in ASTROPY:
            return read_astropy(content, ASTROPY[suffix], path)
        return read_json(content) if suffix == ".json" else read_text(content, names), None
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise ValueError(f"{path} is named {path.suffix} but cannot be read as such: {reason}") from error


def read_parquet_table(path):
    """Return a parquet file as it is stored; of the index that pandas may have added, the named parts are columns."""
    table = read_arrow(path)
    text = (table.schema.metadata or {}).get(b"pandas", b"{}")
    table = table.replace_schema_metadata()
    try:
        for index in parse_json(text, "the metadata of pandas").get("index_columns", []):
            if isinstance(index, dict) and index.get("name") and index["name"] not in table.column_names:
                numbers = range(index["start"], index["stop"], index["step"])
                if len(numbers) != table.num_rows:
                    raise ValueError(f"the index {index['name']!r} has {len(numbers)} of {table.num_rows} rows")
                table = table.append_column(index["name"], pa.array(numbers))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"the metadata of pandas are damaged: {type(error).__name__}: {error}") from error
    return table.drop_columns([name for name in table.column_names if name.startswith("__index_level_")])


def read_json(content):
    """Return a JSON list of objects, or an object of lists; an answer of ALeRCE holds it under "detections"."""
    rows = parse_json(content.decode("utf-8-sig"), "its content")
    if isinstance(rows, dict):
        rows = next((rows[name] for name in ("detections", "data") if isinstance(rows.get(name), list | dict)), rows)
    if isinstance(rows, dict) and rows and all(isinstance(values, list) for values in rows.values()):
        return pa.table(rows)
    rows = [rows] if isinstance(rows, dict) else rows
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise ValueError("it is JSON, but neither a list of objects nor an object of lists")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _json_column([row.get(name) for row in rows], name) for name in names})


def _json_column(values, name):
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{name!r} is not of one kind: {error}") from error


def read_text(content, names=()):
    """Return a table of text: columns apart by commas, tabs, semicolons, bars or spaces, with or without a header.

    Lines that begin with # are comments, of which one before the data may be the header. Without one the columns are
    time, magnitude and error. Columns called like one of `names` stay text, as those of names that are known.
    """
    text = re.sub(r"\r\n?", "\n", content.decode("utf-8-sig")).lstrip("\n")
    leading = re.match(r"(?:[ \t]*#.*\n|[ \t]*\n)*", text)[0]
    text = text[len(leading) :]
    first = text.partition("\n")[0]
    if not first.strip():
        raise ValueError("it is empty")
    delimiter = next((mark for mark in DELIMITERS if mark in first), " ")
    width = len(first.split(delimiter)) if delimiter != " " else 0
    if "\n#" in text:  # a row whose first cell is a name such as #1 is no comment
        width = width if first.split(delimiter)[0].strip(' "').lower() in _name_columns(names) else 0
        text = re.sub(r"(?m)^#.*\n?", lambda line: line[0] if line[0].count(delimiter) + 1 == width else "", text)
    if delimiter == " ":
        text = re.sub(r"[ \t]+", " ", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text))
    cells = text.partition("\n")[0].split(delimiter)
    header = [cell.strip().strip('"') for cell in cells]
    body = text.partition("\n")[2]
    times, comments = _time_columns(names), leading.splitlines()
    commented = [re.split(r"[,;|\s]+", comment.strip().lstrip("#").strip()) for comment in reversed(comments)]
    commented = [names_ for names_ in commented if len(names_) == len(cells) and times & set(map(str.lower, names_))]
    if all(_is_number(cell) for cell in cells) or (commented and not times & set(map(str.lower, header))):
        by_position = ["time", "mag", "err", *(f"column {k}" for k in range(4, len(cells) + 1))][: len(cells)]
        header, body = commented[0] if commented else by_position, text
    return _parse_text(body.encode(), delimiter, header, names)


def _is_number(cell):
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return cell.strip() in MISSING
    return True


def _time_columns(names):
    facts = column_facts()
    return {*facts["alias"][facts["role"] == "time"].str.lower(), *(name.lower() for name in names)}


def _name_columns(names):
    facts = column_facts()
    return {*facts["alias"][facts["role"].isin(["id", "star"])].str.lower(), *(name.lower() for name in names)}


def _parse_text(content, delimiter, header, names):
    reading = csv.ReadOptions(column_names=header)
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content)
    # a name keeps its zeros, and may be "NA": only numbers have words for a missing one
    types = {name: pa.string() for name in header if name.lower() in _name_columns(names)}
    missing = csv.ConvertOptions(column_types=types, null_values=list(MISSING), strings_can_be_null=False)
    if not content.strip():
        return pa.table({name: pa.array([], pa.null()) for name in header})
    return csv.read_csv(io.BytesIO(content), reading, parsing, missing)


def read_astropy(content, kind, path):
    """Return a VOTable, IPAC, FITS or ECSV table through astropy, and the Julian date of time 0 of its header."""
    try:
        from astropy.table import Table
    except ImportError as error:
        raise ImportError(
            f"reading {path.name} needs astropy: pip install astropy (the extra `astropy` of scope_nb)"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units and headers that do not keep to the standard
            text = kind in ("ascii.ipac", "ascii.ecsv")
            source = content.decode("utf-8") if text else io.BytesIO(content)
            table = Table.read(source, format=kind, **({"hdu": _find_hdu(content)} if kind == "fits" else {}))
        return _with_header(table)
    except ValueError:
        raise
    except Exception as error:  # astropy makes anything of a damaged file
        raise ValueError(f"astropy cannot read it: {type(error).__name__}: {error}") from error


def _with_header(table):
    header = {str(name).upper(): value for name, value in table.meta.items()}
    for name in ("OBJECT", "RA_OBJ", "DEC_OBJ"):  # of Kepler and TESS
        if header.get(name) is not None and name not in table.colnames:
            table[name] = header[name]
    zero = header.get("BJDREFI")
    return to_arrow(table), None if zero is None else float(zero) + float(header.get("BJDREFF", 0.0))


def _find_hdu(content):
    """Return the number of the table with light curves in a FITS file; several are a `ValueError`."""
    from astropy.io import fits

    facts = column_facts()
    aliases = {role: {*facts["alias"][facts["role"] == role].str.lower()} for role in ("time", "mag", "flux")}
    with fits.open(io.BytesIO(content)) as hdus:
        tables = {
            i: {name.lower() for name in hdu.columns.names} for i, hdu in enumerate(hdus) if hdu.is_image is False
        }
    good = [i for i, names in tables.items() if aliases["time"] & names and (aliases["mag"] | aliases["flux"]) & names]
    if len(good) > 1:
        raise ValueError(f"its extensions {', '.join(map(str, good))} all hold light curves: read them one by one")
    if not tables:
        raise ValueError("it holds no table")
    return good[0] if good else min(tables)


def to_arrow(data):
    """Return a table in memory (of pandas, nested-pandas, Arrow or astropy, or a dict of columns) as one of Arrow.

    A named index counts as a column. Quantities become days, magnitudes or nJy. Anything else is a `TypeError`.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pd.DataFrame):
        return _arrow_of_pandas(data)
    columns = data if isinstance(data, dict) else _columns_of_astropy(data)
    if columns is None:
        raise TypeError(
            "light curves are read from tables of pandas, nested-pandas, Arrow or astropy, not from "
            f"{type(data).__name__}; of a catalogue of LSDB, take what compute() returns"
        )
    arrays, fields = [], []
    lengths = {name: len(values) for name, values in columns.items() if not _is_scalar(values)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns differ in length: {', '.join(f'{name} {n}' for name, n in lengths.items())}")
    n = max(lengths.values(), default=1)
    for name, values in columns.items():
        array, unit = _arrow_column([values] * n if _is_scalar(values) else values)
        arrays.append(array)
        fields.append(pa.field(str(name), array.type, metadata={"unit": unit}))
    return pa.table(arrays, pa.schema(fields))


def _is_scalar(values):
    return values is None or isinstance(values, str | bytes) or not hasattr(values, "__len__")


def _arrow_of_pandas(frame):
    """Return a DataFrame as a table of Arrow, named indexes as columns; a column of mixed kinds becomes text."""
    if isinstance(frame.index, pd.MultiIndex) and None in frame.index.names:
        raise ValueError("the table has an index of several levels without names: name them, as in frame.rename_axis")
    if isinstance(frame.index, pd.DatetimeIndex) and frame.index.name is None and "time" not in frame:
        frame = frame.rename_axis("time")
    names = [name for name in frame.index.names if name is not None and name not in frame]
    frame = frame.reset_index(names) if names else frame
    swapped = {name: kind.newbyteorder("=") for name, kind in frame.dtypes.items() if _is_swapped(kind)}
    frame = (frame.astype(swapped) if swapped else frame).rename(columns=str)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.table([_arrow_of_series(column) for _, column in frame.items()], list(frame))


def _arrow_of_series(column):
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array(column.astype(str).where(column.notna(), None), pa.string())


def _columns_of_astropy(data):
    """Return the columns of a Table or TimeSeries of astropy; None of anything else."""
    if "astropy.table" not in sys.modules:  # then it cannot be one
        return None
    from astropy.table import Table

    return {name: data[name] for name in data.colnames} if isinstance(data, Table) else None


def _is_swapped(kind):
    return isinstance(kind, np.dtype) and kind.byteorder == ">"


def _arrow_column(values):
    """Return a column of astropy, NumPy or lists as an array of Arrow, and the unit of what it measures."""
    unit = our_unit(values)
    if unit in OURS:
        return pa.array(as_floats(values, unit), from_pandas=True), unit
    if isinstance(values, list | tuple):
        values = [value if _is_scalar(value) else list(value) for value in values]
        return pa.array(values), unit
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) and np.ndim(values) == 1 else None
    data = np.asarray(np.ma.getdata(values))
    if data.dtype.kind == "S":
        data = np.char.decode(data, "utf-8")
    if _is_swapped(data.dtype):
        data = data.astype(data.dtype.newbyteorder("="))
    return pa.array(data.tolist() if data.dtype.kind == "O" or data.ndim > 1 else data, mask=mask), unit
