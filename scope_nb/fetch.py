"""Get public data: SCoPe's training set and trained models, and light curves of ZTF, around a position or of a field.

A download goes on where an earlier one broke off, is checked, and stands in its place whole or not at all. What is in
its place is not downloaded again. `tables/sources.yaml` says where the data are.
"""

import os
import re
import warnings
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import chain, product
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pandas as pd
import pooch
import pyarrow as pa
import requests
import yaml
from tqdm.auto import tqdm

from . import __version__
from .files import project_folder
from .parquet import naming_errors, open_parquet, write_arrow
from .taxonomy import TABLES, check_names
from .writing import write_atomically

BANDS, CCDS, QUADRANTS = ("g", "r", "i"), range(1, 17), range(1, 5)
SAMPLE_SEED = 9  # with which the 10 % training set of the hackathon was drawn
BATCH = 8192  # rows
CHUNK = 1 << 16  # bytes; so many are lost when a connection breaks
KINDS = {  # how files begin and end; a table of the light-curve service may be empty
    ".parquet": (rb"PAR1", b"PAR1"),
    ".zip": (rb"PK", b""),
    ".csv": (rb"oid,|\s*\Z", b"\n"),
    ".md5": (rb"[0-9a-f]{32} ", b"\n"),
}
RemoteFile = namedtuple("RemoteFile", "name url checksum size")  # checksum as "md5:...", size in bytes

pooch.get_logger().setLevel("WARNING")  # a progress bar says enough


@cache
def sources():
    """Return where public data come from as a nested dict: `tables/sources.yaml`."""
    return yaml.safe_load((TABLES / "sources.yaml").read_text(encoding="utf-8"))


def fetch_training_set(folder="", fraction=1.0, server=""):
    """Download SCoPe's training set, and return the path of `training_set.parquet`.

    Parameters
    ----------
    folder : path-like, optional
        Where it is put; "" is the project's `data/`.
    fraction : float, optional
        Draw this fraction of the rows as well, and return the path of these: `training_set_0.1.parquet` for 0.1, which
        holds the rows that `table.sample(frac=0.1, random_state=9)` draws, the training set of SCoPe's hackathon.
    server : str, optional
        Address of the record, in the layout of Zenodo's interface; "" is SCoPe's public one.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be above 0 and at most 1, not {fraction}")
    file = _list_record("training_set", server)[0]
    path = _folder(folder) / "training_set.parquet"
    _fetch_file(file.url, path, file.checksum, file.size)
    return path if fraction == 1 else _sample_rows(path, fraction)


def fetch_models(folder="", server=""):
    """Download the classifiers that SCoPe trained, and return the folders that they are unpacked into.

    `folder` and `server` are those of `fetch_training_set`. Each archive has a folder of its name beside it.
    """
    folders = []
    for file in _list_record("models", server):
        path = _folder(folder) / file.name
        _fetch_file(file.url, path, file.checksum, file.size)
        folders.append(path.with_suffix(""))
        if not folders[-1].exists() or folders[-1].stat().st_mtime < path.stat().st_mtime:
            try:
                with write_atomically(folders[-1]) as part, zipfile.ZipFile(path) as archive:
                    archive.extractall(part)  # members cannot leave this folder, whatever their names
            except zipfile.BadZipFile as error:
                raise ValueError(f"{path} cannot be unpacked: {error}") from error
    return folders


def fetch_light_curves(ra, dec, radius=5.0, bands=BANDS, folder="", release=None, server=""):
    """Download the public ZTF light curves around a position, and return the path of their table, a CSV file.

    It is named after position, radius, bands and release; `read_lightcurves` reads it. Where there are no light curves,
    a `ValueError` says so.

    Parameters
    ----------
    ra, dec : float
        Position in degrees (ICRS).
    radius : float, optional
        In arcseconds.
    bands : iterable of {"g", "r", "i"}, optional
    folder : path-like, optional
        Where it is put; "" is the project's `data/`.
    release : int, optional
        Number of the data release of ZTF.
    server : str, optional
        Address of the light-curve service; "" is IRSA's.
    """
    ra, dec, radius = (round(float(value), 6) for value in (ra, dec, radius))  # so that name and content agree
    if not (0 <= ra <= 360 and -90 <= dec <= 90 and 0 < radius <= 3600):
        limits = "ra from 0 to 360 degrees, dec from -90 to 90 degrees, a radius of at most 3600 arcseconds"
        raise ValueError(f"no such circle: ra {ra}, dec {dec}, radius {radius}; wanted are {limits}")
    bands, source, release = tuple(bands), sources()["light_curves"], release or sources()["release"]
    check_names("band", bands, BANDS)
    query = {"POS": f"CIRCLE {ra} {dec} {radius / 3600:.9f}", "BANDNAME": ",".join(bands)}
    query |= {"COLLECTION": f"ztf_dr{release}"} | source["query"]
    path = _folder(folder) / f"lightcurves_{ra}_{dec}_{radius:g}arcsec_{''.join(bands)}_dr{release}.csv"

    def check_rows(part, url):
        if len(part.read_bytes().splitlines()) < 2:
            place = f"{radius:g} arcsec of {ra} {dec} in {', '.join(bands)} of ZTF's release {release}"
            raise ValueError(f"no light curve within {place}: the service answered without rows")
        _check_end(part, url)

    _fetch_file(f"{server or source['server']}?{urlencode(query)}", path, check=check_rows)
    return path


def fetch_bulk(field, bands=BANDS, ccds=CCDS, quadrants=QUADRANTS, folder="", release=None, server=""):
    """Download the public ZTF light curves of a field, and return the paths: one file for each band, CCD and quadrant.

    How many files they are, and how large, is printed before they are downloaded. `read_lightcurves` reads each.

    Parameters
    ----------
    field : int
        Number of the field of ZTF.
    bands, ccds, quadrants : iterable, optional
        Of "g", "r", "i"; of 1 to 16; of 1 to 4. All by default.
    folder : path-like, optional
        They are put into a folder of their own in it, such as `ztf_000296_dr24`; "" is the project's `data/`.
    release : int, optional
        Number of the data release of ZTF.
    server : str, optional
        Address of the folder of all releases; "" is IRSA's.
    """
    bands, ccds, quadrants = tuple(bands), tuple(ccds), tuple(quadrants)
    for kind, values, allowed in (("band", bands, BANDS), ("CCD", ccds, CCDS), ("quadrant", quadrants, QUADRANTS)):
        check_names(kind, values, allowed)
    field, release = int(field), int(release or sources()["release"])
    base = f"{(server or sources()['bulk']['server']).rstrip('/')}/lc_dr{release}"
    url = f"{base}/{field // 1000}/field{field:06d}/"  # fields from 1000 on are those of the second grid
    listed = set(_list_links(url))
    cuts = product(bands, ccds, quadrants)
    names = [f"ztf_{field:06d}_z{band}_c{ccd:02d}_q{quadrant}_dr{release}.parquet" for band, ccd, quadrant in cuts]
    names = [name for name in names if name in listed]  # no name of a server becomes a path
    if not names:
        raise ValueError(f"{url} lists no light curves of these bands, CCDs and quadrants")
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(_read_size, [url + name for name in names]))
    print(f"field {field} of release {release}: {len(names)} files, {sum(sizes) / 1e6:,.1f} MB")
    checksums = _read_checksums(f"{base}/checksum.md5", _folder(folder) / f"ztf_dr{release}_checksum.md5")
    paths = [_folder(folder) / f"ztf_{field:06d}_dr{release}" / name for name in names]
    for path, size in zip(paths, sizes, strict=True):
        _fetch_file(url + path.name, path, checksums.get(path.name), size)
    return paths


def _folder(folder):
    return Path(folder).expanduser() if folder else project_folder() / "data"


def _list_record(pattern, server):
    """Return the `RemoteFile`s of SCoPe's release whose whole name matches this pattern of `sources()`."""
    source = sources()["scope"]
    server, pattern = server or source["server"], source[pattern]
    with _open_url(server) as response:
        try:
            entries = response.json()["files"]
            files = [RemoteFile(str(e["key"]), e["links"]["self"], e["checksum"], int(e["size"])) for e in entries]
        except (ValueError, KeyError, TypeError) as error:  # no JSON, or another layout
            raise ValueError(f"{server} did not answer with a list of files in Zenodo's layout") from error
    matches = [file for file in files if re.fullmatch(pattern, file.name)]
    if not matches:
        raise ValueError(f"{server} has no file called {pattern}; it has {', '.join(file.name for file in files)}")
    return matches


def _list_links(url):
    """Return the links of a page, without the folders before their last name."""
    with _open_url(url) as response:
        targets = re.findall(r"""<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)""", response.text, re.IGNORECASE)
    return [target.rpartition("/")[2] for target in targets]


def _read_size(url):
    """Return the size of a file on a server in bytes, 0 if the server does not say."""
    with _open_url(url, "HEAD") as response:
        return int(response.headers.get("Content-Length", 0))


def _read_checksums(url, path):
    """Return the published checksums of a data release by file name; where there are none, warn and return none."""
    try:
        _fetch_file(url, path)
    except FileNotFoundError as error:
        warnings.warn(f"{error}, which would hold checksums: sizes alone are checked", stacklevel=3)
        return {}
    lines = re.findall(r"^([0-9a-f]{32}) .*?([^/\s]+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: f"md5:{checksum}" for checksum, name in lines}


def _check_begin(head, url, name):
    """Raise a `ValueError` that shows what a server sent if it does not begin like a file of this name."""
    if not re.match(KINDS[Path(name).suffix][0], head):
        text = re.sub(r"<[^>]*>|\s+", " ", head[:2000].decode(errors="replace"))  # a page, or a message
        raise ValueError(f"{url} did not send {name} but: {' '.join(text.split())[:200] or 'nothing'}")


def _check_end(part, url):
    """Raise a `ValueError` if a file ends before its time."""
    end = KINDS[Path(part.stem).suffix][1]
    with open(part, "rb") as file:
        file.seek(max(0, part.stat().st_size - len(end)))
        complete = file.read() == end or not end
    if not complete:
        raise ValueError(f"{url} did not send the whole of {part.stem}; call again")


def _fetch_file(url, path, checksum=None, size=0, check=_check_end):
    """Download a file unless it is in its place, with the right checksum, or of the right size if there is none."""
    part = path.with_name(f"{path.name}.part")

    def download(url, output, _):
        _download(url, part, size)
        try:
            check(part, url)
        except ValueError:
            part.unlink()
            raise
        os.replace(part, output)

    if checksum is None and size and path.exists() and path.stat().st_size != size:
        path.unlink()
    pooch.retrieve(url, checksum, path.name, path.parent, downloader=download)


def _download(url, part, size):
    """Download to the file `part`, or to its end if there is one; what arrives before a connection breaks stays."""
    start = part.stat().st_size if part.exists() else 0
    with _open_url(url, start=start) as response:
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if start and response.status_code in (206, 416) and not resumed:
            part.unlink()  # it is no beginning of this file
            return _download(url, part, size)
        start = start if resumed else 0  # a server that does not resume sends all
        remaining = int(response.headers.get("Content-Length", 0))
        total = size or (start + remaining if remaining else 0)
        chunks = response.iter_content(CHUNK)
        first = next(chunks, b"")
        if not resumed:
            _check_begin(first, url, part.stem)
        bar = {"total": total or None, "initial": start, "unit": "B", "unit_scale": True, "disable": None}
        with open(part, "ab" if resumed else "wb") as file, tqdm(desc=part.stem, **bar) as progress:
            for chunk in chain([first], chunks):
                progress.update(file.write(chunk))
    length, host = part.stat().st_size, urlsplit(url).netloc
    if total and length != total:
        if length > total:
            part.unlink()
        raise ConnectionError(f"{host} sent {length:,} of the {total:,} bytes of {part.stem}; call again for the rest")


@contextmanager
def _open_url(url, method="GET", start=0):
    """Yield the answer of a server, from byte `start` on if it can; what goes wrong is an error in plain words."""
    host, timeout = urlsplit(url).netloc, sources()["timeout"]
    headers = {"User-Agent": f"scope_nb/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.request(method, url, headers=headers, timeout=timeout, stream=True) as response:
            if response.status_code == 404:
                raise FileNotFoundError(f"{host} has no {url}")
            if not response.ok and not (start and response.status_code == 416):
                raise ConnectionError(f"{host} answered {response.status_code} {response.reason} to {url}")
            yield response
    except requests.RequestException as error:
        raise _plain_error(error, url) from error


def _plain_error(error, url):
    """Return an error of `requests` in plain words."""
    host, cause = urlsplit(url).netloc, error
    while cause.__context__ is not None:
        cause = cause.__context__
    if isinstance(cause, TimeoutError):
        return TimeoutError(f"{host} sent nothing for {sources()['timeout']} seconds; call again later")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return ConnectionError(f"the connection to {host} broke off; call again for the rest")
    if isinstance(error, requests.ConnectionError):
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else cause
        return ConnectionError(f"no connection to {host}: {reason}")
    return ValueError(f"{url} cannot be fetched: {error}")


def _sample_rows(path, fraction):
    """Write the rows that `DataFrame.sample` draws from a parquet file to a file beside it; return the path of that."""
    target = path.with_name(f"{path.stem}_{fraction:g}.parquet")
    with open_parquet(path) as file, naming_errors(path):
        rows = pd.Series(range(file.metadata.num_rows)).sample(frac=fraction, random_state=SAMPLE_SEED).to_numpy()
        order, start, batches = np.argsort(rows), 0, []
        for batch in file.iter_batches(BATCH):  # the whole table would take gigabytes
            first, last = np.searchsorted(rows, [start, start + len(batch)], sorter=order)
            batches.append(batch.take(pa.array(rows[order[first:last]] - start)))
            start += len(batch)
        table = pa.Table.from_batches(batches).replace_schema_metadata(file.schema_arrow.metadata)
    write_arrow(table.take(pa.array(np.argsort(order))), target)
    return target
