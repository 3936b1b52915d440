"""Parquet files carry checksums: a damaged one is an error that names it, and never other numbers."""

import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scope_nb import LightCurves, read_lightcurves, read_parquet, write_parquet
from scope_nb.lightcurves.readers import write_lightcurves
from scope_nb.parquet import read_arrow, write_arrow


def predictions(n=1700):
    """Return a table like that of a run's predictions."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"row": np.arange(n), "star": [f"star{k // 2}" for k in range(n)], "y": rng.integers(0, 2, n)})
    return frame.assign(part=rng.choice(["train", "val", "test"], n), probability=rng.random(n))


def damage(content, seed):
    """Return the content of a file with one bit flipped."""
    content, place = bytearray(content), random.Random(seed).randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    return bytes(content)


def test_one_flipped_bit_never_gives_other_numbers(tmp_path):
    path, frame = tmp_path / "predictions.parquet", predictions()
    write_parquet(frame, path)
    content, refused = path.read_bytes(), 0
    for seed in range(200):
        path.unlink()
        path.write_bytes(damage(content, seed))
        try:
            again = read_parquet(path)
        except ValueError as error:
            assert "predictions.parquet" in str(error)
            refused += 1
            continue
        for name in frame.columns.intersection(again.columns):  # a name may be damaged; that column is then missed
            pd.testing.assert_series_equal(again[name], frame[name], check_dtype=False)
    assert refused > 150


def test_light_curves_carry_checksums_as_well(tmp_path):
    n, rng = 20_000, np.random.default_rng(0)
    table = pd.DataFrame({"oid": np.arange(n) // 100, "hjd": 58000 + np.arange(n) % 100 + rng.random(n)})
    path = tmp_path / "curves.parquet"
    write_lightcurves(LightCurves.from_frame(table.assign(mag=15 + rng.random(n), magerr=0.1, filter=1)), path)
    content = path.read_bytes()
    for seed in range(8):
        path.unlink()
        place = random.Random(seed).randrange(len(content) // 10, len(content) // 2)  # where the numbers are
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"curves\.parquet"):
            read_lightcurves(path)


def test_a_damaged_file_is_named_and_damaged_metadata_of_pandas_do_not_matter(tmp_path):
    path = tmp_path / "t.parquet"
    table = pa.table({"a": [1, 2]})
    write_arrow(table.replace_schema_metadata({"pandas": "{", "scope": '{"simulated": true}'}), path)
    assert read_arrow(path).num_rows == 2 and read_parquet(path).attrs == {"simulated": True}
    for text in ("[" * 100_000, "1", "{"):
        write_arrow(table.replace_schema_metadata({"scope": text}), path)
        with pytest.raises(ValueError, match=r"t\.parquet: the metadata under 'scope'"):
            read_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"t\.parquet is damaged, or is not a parquet file"):
        read_arrow(path)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*other\.parquet"):
        read_arrow(tmp_path / "other.parquet")


def test_files_without_checksums_are_read(tmp_path):
    pq.write_table(pa.table({"a": [1.5]}), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet")["a"].tolist() == [1.5]
