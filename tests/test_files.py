import pytest

from scope_nb import files


def test_missing_files_are_named(tmp_path):
    (tmp_path / "train.ipynb").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"trian.ipynb; .* holds train.ipynb"):
        files.existing_file(tmp_path / "trian.ipynb")


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"cannot write to .* is a file"):
        files.run_folder(tmp_path / "file", "default", "xgb", "vnv")
    with pytest.raises(ValueError, match="cannot be the name"):
        files.run_folder(tmp_path, "../elsewhere", "xgb", "vnv")
    with pytest.raises(ValueError, match=r"must end in \.parquet"):
        files.check_output(tmp_path / "x.csv", ".parquet")
    assert files.run_folder(tmp_path, "a", "xgb", "vnv") == tmp_path / "a" / "xgb" / "vnv"
