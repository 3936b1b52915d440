"""Tables in parquet, CSV and HDF5: what is written is read again, and what is no table is refused."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scope_nb.dataset.tables import read_parquet, read_table, write_parquet
from scope_nb.features.dmdt import stack_dmdt


def test_round_trip_keeps_values_columns_and_attrs(table, tmp_path):
    table = table.copy()
    table.attrs = {"scope": "0.9", "rows": {"kept": 800}}
    write_parquet(table, tmp_path / "t.parquet")
    again = read_parquet(tmp_path / "t.parquet")
    assert again.attrs == table.attrs
    assert list(again) == list(table)
    pd.testing.assert_frame_equal(again.drop(columns="dmdt"), table.drop(columns="dmdt"))
    np.testing.assert_array_equal(stack_dmdt(again["dmdt"]), stack_dmdt(table["dmdt"]))
    first, last = again["dmdt"].iloc[0], again["dmdt"].iloc[-1]
    assert last.ctypes.data - first.ctypes.data == (len(again) - 1) * 26 * 26 * 4  # one block, no gaps
    assert not list(tmp_path.glob(".*"))


def test_scopes_own_nesting_is_read(tmp_path):
    """SCoPe's parquet holds dmdt as lists of lists of doubles, and the metadata key `scope`."""
    images = np.random.default_rng(0).random((3, 26, 26))
    arrow = pa.table({"obj_id": [1, 2, 3], "dmdt": images.tolist()})
    pq.write_table(arrow.replace_schema_metadata({"scope": json.dumps({"a": 1})}), tmp_path / "s.parquet")
    frame = read_parquet(tmp_path / "s.parquet")
    np.testing.assert_allclose(stack_dmdt(frame["dmdt"]), images, rtol=1e-6)
    assert frame.attrs == {"a": 1}
    frame.assign(dmdt=[json.dumps(i.tolist()) for i in frame["dmdt"]]).to_csv(tmp_path / "s.csv", index=False)
    np.testing.assert_allclose(stack_dmdt(read_table(tmp_path / "s.csv")["dmdt"]), images, rtol=1e-6)


def test_files_that_are_not_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_parquet(tmp_path / "no.parquet")
    (tmp_path / "text.parquet").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a parquet file"):
        read_parquet(tmp_path / "text.parquet")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x81" * 50)
    with pytest.raises(ValueError, match="cannot be read as such"):
        read_table(tmp_path / "bytes.csv")
    (tmp_path / "gap.csv").write_text(f'a,dmdt\n1,"{json.dumps(np.zeros((26, 26)).tolist())}"\n2,\n', encoding="utf-8")
    with pytest.raises(ValueError, match="dmdt in row 1 is not a 26 x 26 list"):
        read_table(tmp_path / "gap.csv")
    with pytest.raises(ValueError, match=r"ends in \.parquet"):
        write_parquet(pd.DataFrame({"a": [1]}), tmp_path / "table.csv")
    pq.write_table(pa.table({"dmdt": [[[1.0, 2.0]]]}), tmp_path / "shape.parquet")
    with pytest.raises(ValueError, match="dmdt is not 26 x 26"):
        read_parquet(tmp_path / "shape.parquet")
    with pytest.raises(ValueError, match="lacks the columns b, c"):
        read_parquet(tmp_path / "shape.parquet", columns=["b", "dmdt", "c"])


def test_scopes_tables_are_read(realdata):
    features = read_table(realdata / "scope_features_field_331.csv")
    assert features.shape == (123, 78)
    predictions = read_table(realdata / "scope_field_296_100rows.csv")
    assert len(predictions) == 100
    assert {"vnv_dnn", "vnv_xgb", "Gaia_EDR3___id"} <= set(predictions)
    # SCoPe's own BIC of a line is chi2 + 2 log N: the definition that our Fourier series follow
    line = features[features["f1_power_ELS"] == 0]
    chi2 = line["f1_BIC_ELS"] - 2 * np.log(line["n"])
    assert (chi2 <= line["chi2red"] * (line["n"] - 1) * 1.001).all()
    assert (chi2 > 0).all()


@pytest.mark.parametrize("shape", [(13, 52), (25, 25), (26,)])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_dmdt_of_another_shape_is_refused(tmp_path, shape, suffix):
    images = np.zeros((3, *shape)).tolist()
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        pd.DataFrame({"dmdt": [json.dumps(image) for image in images]}).to_csv(path, index=False)
    else:
        pq.write_table(pa.table({"dmdt": images}), path)
    with pytest.raises(ValueError, match=r"dmdt.*is not (a )?26 x 26"):
        read_table(path)


def test_comments_before_the_header_of_csv(tmp_path):
    table = pd.DataFrame({"_id": [1, 2], "wstd": [0.5, 1.5]})
    text = table.to_csv(index=False)
    for comment in ("# made by hand, on a Monday, in Rome\n", "# one\n# two\n", ""):
        (tmp_path / "t.csv").write_text(comment + text, encoding="utf-8")
        pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), table)
    (tmp_path / "t.csv").write_text("#" + text, encoding="utf-8")
    assert list(read_table(tmp_path / "t.csv")) == ["#_id", "wstd"]
