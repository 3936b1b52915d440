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


def bomb(line, levels=30):
    """Return YAML of a few hundred bytes that stands for two to the power of `levels` values."""
    return "a0: &a0 [x]\n" + "".join(line.format(here=k + 1, before=k) for k in range(levels))


@pytest.mark.parametrize(
    "text",
    [
        bomb("a{here}: &a{here} [*a{before}, *a{before}]\n"),
        bomb("a{here}: &a{here} {{x: *a{before}, y: *a{before}}}\n"),
        bomb("a{here}: &a{here} {{<<: [*a{before}, *a{before}]}}\n").replace("[x]", "{x: 1}"),
        "a: &a [*a]",
        "[" * 50_000,
        "a: !!int _",
        "a: !!timestamp x",
        "a: !!bool x",
        "a: !!float x",
        "a: !!int " + "1:" * 300_000 + "1",
        "a: 2020-99-99",
        "? [1]\n: 2",
        "a: !!python/object/apply:os.getcwd []",
        "a: [",
        "a\0: 1",
        "a: " + "x, " * 400_000,
    ],
)
def test_yaml_that_would_harm_or_is_none_is_refused(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.yaml (is not YAML that can be read|has \d+ bytes)"):
        files.read_yaml(tmp_path / "config.yaml")


def test_yaml_is_read(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "a: &a {x: 1, y: [1, 2.5]}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n", encoding="utf-8"
    )
    a = {"x": 1, "y": [1, 2.5]}
    assert files.read_yaml(tmp_path / "config.yaml") == {"a": a, "b": {"x": 1, "y": 3}, "c": [a, a]}
    (tmp_path / "config.yaml").write_text("# nothing\n", encoding="utf-8")
    assert files.read_yaml(tmp_path / "config.yaml") is None


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"", b"\xff\xfe{}", b"9" * 10_000])
def test_json_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "stats.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"stats\.json is not (JSON that can be read|text)"):
        files.read_json(tmp_path / "stats.json")
