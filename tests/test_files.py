import ast
from pathlib import Path

import pytest

from scope_nb import files


def test_missing_files_are_named(tmp_path):
    (tmp_path / "train.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"trian.ipynb; .* holds train.ipynb"):
        files.existing_file(tmp_path / "trian.ipynb")


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match=r"cannot write to .* is a file"):
        files.run_folder(tmp_path / "file", "default", "xgb", "vnv")
    with pytest.raises(ValueError, match="cannot be the name"):
        files.run_folder(tmp_path, "../elsewhere", "xgb", "vnv")
    with pytest.raises(ValueError, match=r"must end in \.parquet"):
        files.check_output(tmp_path / "x.csv", ".parquet")
    assert files.run_folder(tmp_path, "a", "xgb", "vnv") == tmp_path / "a" / "xgb" / "vnv"


@pytest.mark.parametrize("folder", ["scope_nb", "data", "tests"])
def test_text_files_are_opened_with_an_encoding(folder):
    for path in (Path(__file__).resolve().parents[1] / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("read_text", "write_text"):
                assert "encoding" in [each.arg for each in node.keywords], f"{path}, line {node.lineno}"
