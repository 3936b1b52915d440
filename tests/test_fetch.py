"""Downloads from a local server that behaves as public ones do, and misbehaves in every way that they may."""

import hashlib
import http.server
import io
import json
import threading
import zipfile
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from scope_nb import __main__ as command_line
from scope_nb import fetch, read_lightcurves, read_parquet, write_parquet

HEAD = "oid,expid,hjd,mjd,mag,magerr,catflags,filtercode,ra,dec,chi,sharp,filefracday,field,ccdid,qid\n"
PAGE = b"<!DOCTYPE html><html><title>Down for maintenance</title><a href='../x'>back</a></html>"
BULK = "/lc_dr24/0/field000296/"
QUERY = {"ra": 10.0, "dec": 20.5}


@dataclass
class Answer:
    """What a server answers to a path; it breaks off, or waits, after `cut` bytes, the first time that it is asked."""

    body: bytes = b""
    status: int = 200
    location: str = ""
    cut: int | None = None
    ranges: bool = True
    length: bool = True
    delay: float = 0.0
    stall: float = 0.0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        asked_range = self.headers.get("Range", "")
        self.server.log.append((self.command, address.path, asked_range, parse_qs(address.query)))
        answer = self.server.pages.get(address.path, Answer(status=404))
        self.server.stop.wait(answer.delay)
        start = int(asked_range[len("bytes=") : -1]) if asked_range and answer.ranges else 0
        size = len(answer.body)
        status = answer.status if not start else 206 if start < size else 416
        self.send_response(status)
        if answer.location:
            self.send_header("Location", answer.location)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if answer.length:
            self.send_header("Content-Length", str(size - start if status != 416 else 0))
        self.end_headers()
        if self.command == "GET" and status != 416:
            self.wfile.write(answer.body[start : answer.cut])
            if answer.cut:
                self.wfile.flush()
                self.server.stop.wait(answer.stall)
            answer.cut = None

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server: set `pages`, a dict by path, read `log`; `url` is its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages, server.log, server.stop = {}, [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def training_set(table, tmp_path_factory):
    """A training table as a parquet file of some hundred kilobytes, whose metadata has the key `scope`."""
    path = tmp_path_factory.mktemp("origin") / "t.parquet"
    table.attrs["note"] = "kept"
    write_parquet(table, path)
    del table.attrs["note"]
    return path.read_bytes()


def md5(body):
    return hashlib.md5(body).hexdigest()


def publish(server, **bodies):
    """Serve a record in the layout of Zenodo's interface, with these files; a dot is written as `__` here."""
    files = []
    for key, body in {name.replace("__", "."): body for name, body in bodies.items()}.items():
        server.pages[f"/files/{key}"] = Answer(body)
        link = {"self": f"{server.url}/files/{key}"}
        files.append({"key": key, "size": len(body), "checksum": f"md5:{md5(body)}", "links": link})
    server.pages["/latest"] = Answer(json.dumps({"files": files}).encode())
    server.pages["/record"] = Answer(status=302, location="/latest")
    return {"server": f"{server.url}/record"}


def gets(server, path):
    """The ranges with which a path was asked for."""
    return [asked_range for command, asked, asked_range, _ in server.log if (command, asked) == ("GET", path)]


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def epochs(n=60, oid=532109200004278, band="zg"):
    """Rows of the light-curve service, CCD and quadrant in its hexadecimal."""
    rows = [
        f"{oid},{k},{2458204.9 + 1.1 * k},{58204.4 + 1.1 * k},16.5,0.014,0,{band},10.0,20.5,1,0,2018{k},532,0x9,0x2\n"
        for k in range(n)
    ]
    return "".join(rows)


def test_the_training_set_is_downloaded_once_and_mended(server, training_set, tmp_path, capsys):
    place = publish(server, training_set__parquet=training_set, notes__txt=b"x") | {"folder": tmp_path}
    path = tmp_path / "training_set.parquet"
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["fetch", "training-set", "--folder", str(tmp_path), "--server", place["server"]])
    assert capsys.readouterr().out == f"next: make report DATA={path}\n"
    assert path.read_bytes() == training_set
    fetch.fetch_training_set(**place)
    assert gets(server, "/files/training_set.parquet") == [""]
    path.write_bytes(training_set[:-1])
    fetch.fetch_training_set(**place)
    assert path.read_bytes() == training_set
    assert names(tmp_path) == ["training_set.parquet"]


def test_a_tenth_is_what_the_hackathon_drew(server, training_set, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "BATCH", 97)
    path = fetch.fetch_training_set(tmp_path, 0.1, **publish(server, training_set__parquet=training_set))
    assert path.name == "training_set_0.1.parquet"
    full, tenth = read_parquet(tmp_path / "training_set.parquet"), read_parquet(path)
    pd.testing.assert_frame_equal(
        tenth.drop(columns="dmdt"), full.sample(frac=0.1, random_state=9).reset_index(drop=True).drop(columns="dmdt")
    )
    images = [np.stack([np.stack(image) for image in frame["dmdt"]]) for frame in (full, tenth)]
    rows = full.sample(frac=0.1, random_state=9).index
    np.testing.assert_array_equal(images[0][rows], images[1])
    assert tenth.attrs == full.attrs == {"note": "kept"}
    with pytest.raises(ValueError, match="fraction must be above 0 and at most 1, not 10"):
        fetch.fetch_training_set(tmp_path, 10)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_where_it_stopped(server, training_set, tmp_path, ranges):
    place = publish(server, training_set__parquet=training_set) | {"folder": tmp_path}
    half = len(training_set) // 2
    server.pages["/files/training_set.parquet"] = Answer(training_set, cut=half, ranges=ranges)
    with pytest.raises(ConnectionError, match=rf"127.0.0.1:{server.server_port} .*call again for the rest"):
        fetch.fetch_training_set(**place)
    assert names(tmp_path) == ["training_set.parquet.part"]
    start = (tmp_path / "training_set.parquet.part").stat().st_size
    assert half - fetch.CHUNK <= start <= half
    path = fetch.fetch_training_set(**place)
    assert path.read_bytes() == training_set
    assert names(tmp_path) == ["training_set.parquet"]
    assert gets(server, "/files/training_set.parquet") == ["", f"bytes={start}-"]


@pytest.mark.parametrize("extra", [0, 10])
def test_a_part_that_is_no_beginning_is_downloaded_anew(server, training_set, tmp_path, extra):
    place = publish(server, training_set__parquet=training_set) | {"folder": tmp_path}
    part = tmp_path / "training_set.parquet.part"
    part.write_bytes(training_set + bytes(extra))
    assert fetch.fetch_training_set(**place).read_bytes() == training_set
    part.write_bytes(b"PAR1 of another version")
    (tmp_path / "training_set.parquet").unlink()
    with pytest.raises(ValueError, match=r"MD5 hash of downloaded file \(training_set.parquet\) does not match"):
        fetch.fetch_training_set(**place)
    assert names(tmp_path) == []  # so that the next call starts anew
    assert fetch.fetch_training_set(**place).read_bytes() == training_set


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(PAGE), ValueError, "did not send training_set.parquet but: Down for maintenance back"),
        (Answer(status=404), FileNotFoundError, "has no http://127.0.0.1:.*/files/training_set.parquet"),
        (Answer(status=503), ConnectionError, "127.0.0.1:.* answered 503 Service Unavailable"),
        (
            Answer(b"PAR1" + bytes(5000) + b"PAR1"),
            ConnectionError,
            "sent 5,008 of the .* bytes of training_set.parquet",
        ),
        (Answer(b""), ValueError, "did not send training_set.parquet but: nothing"),
        (Answer(status=302, location="file:///etc/passwd"), ValueError, "cannot be fetched: .*file:///etc/passwd"),
        (Answer(status=302, location="/files/training_set.parquet"), ValueError, "cannot be fetched: .* redirects"),
        (Answer(delay=30), TimeoutError, r"127.0.0.1:.* sent nothing for 0.2 seconds"),
        (Answer(b"PAR1" + bytes(200_000), cut=100_000, stall=30), TimeoutError, r"sent nothing for 0.2 seconds"),
    ],
)
def test_a_wrong_answer_is_said_and_leaves_nothing(server, training_set, tmp_path, monkeypatch, answer, kind, message):
    monkeypatch.setitem(fetch.sources(), "timeout", 0.2)
    place = publish(server, training_set__parquet=training_set)
    server.pages["/files/training_set.parquet"] = answer
    with pytest.raises(kind, match=message):
        fetch.fetch_training_set(tmp_path, **place)
    assert not (tmp_path / "training_set.parquet").exists()
    arguments = ["fetch", "training-set", "--folder", str(tmp_path), "--server", place["server"]]
    with pytest.raises(SystemExit, match=r"^error: "):
        command_line.main(arguments)


def test_a_wrong_checksum_leaves_nothing(server, training_set, tmp_path):
    place = publish(server, training_set__parquet=training_set)
    changed = bytearray(training_set)
    changed[1000] ^= 1
    server.pages["/files/training_set.parquet"].body = bytes(changed)
    with pytest.raises(ValueError, match="does not match the known hash"):
        fetch.fetch_training_set(tmp_path, **place)
    assert names(tmp_path) == []


def test_without_a_connection_the_host_is_named(server, tmp_path):
    with pytest.raises(ConnectionError, match=r"^no connection to nowhere.invalid: "):
        fetch.fetch_training_set(tmp_path, server="http://nowhere.invalid/record")
    with pytest.raises(ConnectionError, match=r"^no connection to 127.0.0.1:9: Connection refused"):
        fetch.fetch_light_curves(**QUERY, folder=tmp_path, server="http://127.0.0.1:9")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "body", [PAGE, b'{"message": "gone"}', b'{"files": [{"key": "training_set.parquet"}]}', b"[1]"]
)
def test_a_record_of_another_layout_is_refused(server, tmp_path, body):
    server.pages["/record"] = Answer(body)
    with pytest.raises(ValueError, match="did not answer with a list of files in Zenodo's layout"):
        fetch.fetch_training_set(tmp_path, server=f"{server.url}/record")
    place = publish(server, readme__txt=b"x")
    with pytest.raises(ValueError, match=r"has no file called training_set.*; it has readme.txt"):
        fetch.fetch_training_set(tmp_path, **place)


def test_models_are_unpacked_into_their_folder_and_nowhere_else(server, tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("models_xgb/a/vnv/vnv.1.json", "{}")
        file.writestr("../../evil.txt", "x")
    files = {"trained_xgb_models__zip": archive.getvalue(), "predictions_dnn_xgb_77_fields__zip": b"PK"}
    place = publish(server, **files, **{"../trained_evil_models__zip": b"PK"}) | {"folder": tmp_path / "data"}
    (folder,) = fetch.fetch_models(**place)
    assert folder == tmp_path / "data" / "trained_xgb_models"
    assert (folder / "models_xgb/a/vnv/vnv.1.json").read_text(encoding="utf-8") == "{}"
    assert all(name.startswith("data/trained_xgb_models") for name in names(tmp_path))
    (folder / "mine.txt").write_text("stays", encoding="utf-8")
    fetch.fetch_models(**place)
    assert (folder / "mine.txt").exists() and gets(server, "/files/trained_xgb_models.zip") == [""]
    files["trained_xgb_models__zip"] = b"PK but no archive"
    with pytest.raises(ValueError, match=r"trained_xgb_models.zip cannot be unpacked"):
        fetch.fetch_models(**publish(server, **files), folder=tmp_path / "other")
    assert not (tmp_path / "other" / "trained_xgb_models").exists()


def test_light_curves_around_a_position_are_read(server, tmp_path, capsys, monkeypatch):
    body = HEAD + epochs() + epochs(70, 532209200004279, "zr")
    server.pages["/lc"] = Answer(body.encode(), length=False)
    monkeypatch.chdir(tmp_path)
    arguments = ["fetch", "lightcurves", "--ra", "10", "--dec", "20.5", "--radius", "2", "--folder", "data"]
    for _ in range(2):
        with pytest.raises(SystemExit, match="0"):
            command_line.main([*arguments, "--server", f"{server.url}/lc"])
    ((_, _, _, query),) = server.log  # the second call downloads nothing
    assert query["POS"] == ["CIRCLE 10.0 20.5 0.000555556"]
    assert query["BANDNAME"] == ["g,r,i"] and query["COLLECTION"] == ["ztf_dr24"]
    assert query["FORMAT"] == ["CSV"] and query["BAD_CATFLAGS_MASK"] == ["32768"]
    path = "data/lightcurves_10.0_20.5_2arcsec_gri_dr24.csv"
    assert capsys.readouterr().out.endswith(f"features.ipynb out.ipynb -p light_curves {path} -p most 0\n")
    curves = read_lightcurves(path)
    assert curves.n_epochs.tolist() == [60, 70] and curves.meta["band"].tolist() == ["g", "r"]
    assert curves.meta["ccd"].tolist() == [9, 9]
    fetch.fetch_light_curves(10, 20.5, 3, folder="data", server=f"{server.url}/lc")
    assert len(server.log) == 2  # another circle is another file


def test_the_real_answer_of_the_service_is_taken(server, realdata, tmp_path):
    server.pages["/lc"] = Answer((realdata / "ztf_service_one_position.csv").read_bytes(), length=False)
    path = fetch.fetch_light_curves(238.2337, 12.9121, folder=tmp_path, server=f"{server.url}/lc")
    assert len(read_lightcurves(path, min_epochs=1)) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no light curve within 5 arcsec of 10.0 20.5 in g, r, i of ZTF's release 24"),
        (HEAD.encode(), "no light curve within 5 arcsec"),
        ((HEAD + epochs())[:-4].encode(), "did not send the whole of lightcurves_10.0_20.5_5arcsec_gri_dr24.csv"),
        (PAGE, "but: Down for maintenance"),
        (b'<?xml version="1.0"?><VOTABLE><INFO value="ERROR">bad COLLECTION</INFO></VOTABLE>', "but: bad COLLECTION"),
    ],
)
@pytest.mark.parametrize("length", [True, False])
def test_an_answer_without_light_curves_leaves_nothing(server, tmp_path, body, message, length):
    server.pages["/lc"] = Answer(body, length=length)
    with pytest.raises(ValueError, match=message):
        fetch.fetch_light_curves(**QUERY, folder=tmp_path, server=f"{server.url}/lc")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ra": 361}, "ra from 0 to 360"),
        ({"dec": float("nan")}, "dec from -90"),
        ({"radius": 0}, "radius"),
        ({"bands": ["gg"]}, "unknown band 'gg'"),
    ],
)
def test_no_server_is_asked_for_what_cannot_be(server, tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        fetch.fetch_light_curves(**(QUERY | wrong), folder=tmp_path, server=server.url)
    assert not server.log


@pytest.fixture
def field(server):
    """A field of three files on the server, in the listing of IRSA's web server and with its list of checksums."""
    bodies = {
        f"ztf_000296_z{band}_c{ccd:02d}_q1_dr24.parquet": f"PAR1 {band}{ccd} PAR1".encode()
        for band, ccd in (("g", 1), ("r", 1), ("g", 16))
    }
    more = ["?C=N;O=D", "/data/ZTF/lc/", "../../../etc/passwd", "..%2Fztf.parquet", "ztf_000296_zg_c01_q2_dr23.parquet"]
    links = "\n".join(
        f'<img src="/i.gif"> <a href="{name}">{name}</a>  2021-03-12 15:05  313K' for name in [*more, *bodies]
    )
    server.pages |= {BULK + name: Answer(body) for name, body in bodies.items()}
    server.pages[BULK] = Answer(f"<h1>Index of {BULK}</h1><pre>{links}</pre>".encode())
    lines = "".join(f"{md5(body)}  ./0/field000296/{name}\n" for name, body in bodies.items())
    server.pages["/lc_dr24/checksum.md5"] = Answer(lines.encode())
    return bodies


def test_a_field_is_downloaded_by_band_ccd_and_quadrant(server, field, tmp_path, capsys):
    arguments = ["fetch", "bulk", "296", "--folder", str(tmp_path), "--server", server.url]
    with pytest.raises(SystemExit, match="0"):
        command_line.main([*arguments, "--band", "g", "--ccd", "1", "2", "--quad", "1"])
    folder = tmp_path / "ztf_000296_dr24"
    assert names(folder) == ["ztf_000296_zg_c01_q1_dr24.parquet"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["field 296 of release 24: 1 files, 0.0 MB", f"light curves: {folder}"]
    paths = fetch.fetch_bulk(296, folder=tmp_path, server=server.url)
    assert {path.name: path.read_bytes() for path in paths} == field
    assert gets(server, BULK + "ztf_000296_zg_c01_q1_dr24.parquet") == [""]
    assert gets(server, "/lc_dr24/checksum.md5") == [""]
    assert names(tmp_path) == [*sorted(f"ztf_000296_dr24/{name}" for name in field), "ztf_dr24_checksum.md5"]
    with pytest.raises(ValueError, match="lists no light curves of these bands"):
        fetch.fetch_bulk(296, "i", folder=tmp_path, server=server.url)
    with pytest.raises(ValueError, match="unknown CCD 17"):
        fetch.fetch_bulk(296, ccds=[17], folder=tmp_path, server=server.url)
    with pytest.raises(FileNotFoundError, match=r"has no .*/lc_dr24/1/field001296/"):
        fetch.fetch_bulk(1296, folder=tmp_path, server=server.url)


def test_a_wrong_file_of_a_field_keeps_the_others(server, field, tmp_path):
    last = BULK + "ztf_000296_zr_c01_q1_dr24.parquet"
    server.pages[last] = Answer(b"PAR1 other PAR1")
    with pytest.raises(ValueError, match=r"ztf_000296_zr_c01_q1_dr24.parquet\) does not match"):
        fetch.fetch_bulk(296, folder=tmp_path, server=server.url)
    assert len(names(tmp_path / "ztf_000296_dr24")) == 2
    del server.pages["/lc_dr24/checksum.md5"]
    with pytest.warns(UserWarning, match="has no .*checksum.md5, which would hold checksums"):
        fetch.fetch_bulk(296, "r", folder=tmp_path / "b", server=server.url)
    server.pages[last] = Answer(b"PAR1 a corrected file PAR1")
    with pytest.warns(UserWarning, match="sizes alone are checked"):
        (path,) = fetch.fetch_bulk(296, "r", folder=tmp_path / "b", server=server.url)
    assert path.read_bytes() == server.pages[last].body
    server.pages["/lc_dr24/checksum.md5"] = Answer(PAGE)
    with pytest.raises(ValueError, match=r"did not send ztf_dr24_checksum.md5 but: Down"):
        fetch.fetch_bulk(296, "r", folder=tmp_path / "b", server=server.url)
