"""Files of light curves in any format, and tables in memory, as tables of Arrow."""

import io
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
from .values import as_floats, our_unit

TEXT = (".csv", ".tsv", ".txt", ".dat", "")
ASTROPY = {".xml": "votable", ".vot": "votable", ".votable": "votable", ".tbl": "ascii.ipac", ".ecsv": "ascii.ecsv"}
ASTROPY |= dict.fromkeys((".fits", ".fit"), "fits")
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
SUFFIXES = (".parquet", *TEXT[:-1], ".json", *ASTROPY)
DELIMITERS = (",", "\t", ";", "|")
MISSING = ("", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "none", "--", "-")


def list_files(paths):
    """Return the files of light curves that a path, a list of paths, a folder or a pattern with * stands for.

    Of folders all files of a known suffix are taken, at any depth, but for those whose names begin with a dot or an
    underscore, and the list of partitions that HATS catalogues have. None at all is a `FileNotFoundError`.
    """
    if isinstance(paths, str | Path):
        path = Path(paths).expanduser()
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if _is_light_curves(file, path)]
            if not files:
                raise FileNotFoundError(f"{path} holds no file whose name ends in {', '.join(SUFFIXES)}")
            return files
        if not path.exists() and re.search(r"[*?\[]", path.name):
            files = sorted(path.parent.glob(path.name))
            return list_files(files) if files else [existing_file(path)]
        return [existing_file(path)]
    files = [file for path in paths for file in list_files(path)]
    if not files:
        raise FileNotFoundError("no file is named: the list of paths is empty")
    return files


def _is_light_curves(file, folder):
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and split_suffix(file)[0] in SUFFIXES and file.name != "partition_info.csv"


def split_suffix(path):
    """Return the suffix of a file's format, and how it is packed; "" where there is none."""
    *_, inner, last = ("", "", *(suffix.lower() for suffix in path.suffixes))
    return (inner, PACKED[last]) if last in PACKED else (last, "")


def read_file(path):
    """Return the table of a file, and the Julian date of time 0 where its header has it, else None.

    The format is that of the suffix; a `ValueError` names the file if its content is something else.
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
        return (read_json if suffix == ".json" else read_text)(content), None
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


def read_text(content):
    """Return a table of text: columns apart by commas, tabs, semicolons, bars or spaces, with or without a header.

    Lines that begin with # are comments, of which the last one before the data may be the header. Without one the
    columns are time, magnitude and error.
    """
    text = content.decode("utf-8-sig").replace("\r\n", "\n").lstrip("\n")
    comments = re.findall(r"(?m)^#.*$", text) if "#" in text else []
    if comments:
        text = re.sub(r"(?m)^#.*\n?", "", text)
    first = text.partition("\n")[0]
    if not first.strip():
        raise ValueError("it is empty")
    delimiter = next((mark for mark in DELIMITERS if mark in first), " ")
    if delimiter == " ":
        text = re.sub(r"[ \t]+", " ", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text))
        first = text.partition("\n")[0]
    names = None
    if all(_is_number(cell) for cell in first.split(delimiter)):
        names = _names_without_header(len(first.split(delimiter)), comments)
    return _parse_text(text.encode(), delimiter, names)


def _is_number(cell):
    try:
        float(cell.strip().strip('"'))
    except ValueError:
        return cell.strip() in MISSING
    return True


def _names_without_header(width, comments):
    """Return the names of columns that have no header: those of the last comment if it is one, else by position."""
    header = re.split(r"[,;|\s]+", comments[-1].lstrip("#").strip()) if comments else []
    if len(header) == width and not any(_is_number(name) for name in header):
        return header
    return ["time", "mag", "err", *(f"column {k}" for k in range(4, width + 1))][:width]


def _parse_text(content, delimiter, names):
    reading = csv.ReadOptions(column_names=names)
    parsing = csv.ParseOptions(delimiter=delimiter)
    facts = column_facts()
    aliases = set(facts["alias"][facts["role"].isin(["id", "star"])].str.lower())
    # a name keeps its zeros, and may be "NA": only numbers have words for a missing one
    header = names or csv.open_csv(io.BytesIO(content), parse_options=parsing).schema.names
    types = {name: pa.string() for name in header if name.lower() in aliases}
    missing = csv.ConvertOptions(column_types=types, null_values=list(MISSING), strings_can_be_null=False)
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
            table = Table.read(content.decode("utf-8") if text else io.BytesIO(content), format=kind)
        return _with_header(table)
    except Exception as error:  # astropy makes anything of a damaged file
        raise ValueError(f"astropy cannot read it: {type(error).__name__}: {error}") from error


def _with_header(table):
    header = {str(name).upper(): value for name, value in table.meta.items()}
    for name in ("OBJECT", "RA_OBJ", "DEC_OBJ"):  # of Kepler and TESS
        if header.get(name) is not None and name not in table.colnames:
            table[name] = header[name]
    zero = header.get("BJDREFI")
    return to_arrow(table), None if zero is None else float(zero) + float(header.get("BJDREFF", 0.0))


def to_arrow(data):
    """Return a table in memory (of pandas, nested-pandas, Arrow or astropy, or a dict of columns) as one of Arrow.

    A named index counts as a column. Quantities become days, magnitudes or nJy. Anything else is a `TypeError`.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pd.DataFrame):
        names = [name for name in data.index.names if name is not None and name not in data]
        data = data.reset_index(names) if names else data
        swapped = {name: kind.newbyteorder("=") for name, kind in data.dtypes.items() if _is_swapped(kind)}
        return pa.Table.from_pandas(data.astype(swapped) if swapped else data, preserve_index=False)
    columns = data if isinstance(data, dict) else _columns_of_astropy(data)
    if columns is None:
        raise TypeError(
            "light curves are read from tables of pandas, nested-pandas, Arrow or astropy, not from "
            f"{type(data).__name__}; of a catalogue of LSDB, take what compute() returns"
        )
    arrays, fields = [], []
    for name, values in columns.items():
        array, unit = _arrow_column(values)
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={"unit": unit}))
    return pa.table(arrays, pa.schema(fields))


def _columns_of_astropy(data):
    """Return the columns of a Table or TimeSeries of astropy that have one value a row; None of anything else."""
    if "astropy.table" not in sys.modules:  # then it cannot be one
        return None
    from astropy.table import Table

    if not isinstance(data, Table):
        return None
    return {name: data[name] for name in data.colnames if len(data[name].shape) == 1}


def _is_swapped(kind):
    return isinstance(kind, np.dtype) and kind.byteorder == ">"


def _arrow_column(values):
    """Return a column of astropy or NumPy as an array of Arrow, and the unit that a quantity was converted to."""
    unit = our_unit(values)
    if unit:
        return pa.array(as_floats(values, unit), from_pandas=True), unit
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    data = np.asarray(np.ma.getdata(values))
    if data.dtype.kind == "S":
        data = np.char.decode(data, "utf-8")
    if _is_swapped(data.dtype):
        data = data.astype(data.dtype.newbyteorder("="))
    return pa.array(data.tolist() if data.dtype.kind == "O" else data, mask=mask), ""
