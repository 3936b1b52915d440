"""What SCoPe leaves on disk: its scores and its predictions."""

import json

import numpy as np
import pytest

from scope_nb.runs.scope_files import prediction_columns, read_predictions, read_stats


def test_stats_are_found_and_checked(tmp_path):
    for algorithm, when, score in (
        ("xgb", "20230101_000000", 0.9),
        ("xgb", "20230201_000000", 0.95),
        ("dnn", "x", None),
    ):
        folder = tmp_path / f"models_{algorithm}" / "DR16" / "vnv" / f"vnv.{when}_plots" / "test"
        folder.mkdir(parents=True)
        stats = {"accuracy": 0.8, "precision": [0.1, 0.7], "recall": score, "f1_score": 0.6}
        (folder / f"vnv.{when}_stats.json").write_text(json.dumps(stats), encoding="utf-8")
    for start in (tmp_path, tmp_path / "models_xgb"):
        found = read_stats(start)
        last = found[found["algorithm"] == "xgb"].iloc[-1]
        assert tuple(last[["algorithm", "group", "tag", "time", "part"]]) == (
            "xgb",
            "DR16",
            "vnv",
            "20230201_000000",
            "test",
        )
        assert (last["recall"], last["precision"]) == (0.95, 0.7) and np.isnan(last["roc_auc"])
    assert len(read_stats(tmp_path)) == 3
    (folder / "vnv.y_stats.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"vnv\.y_stats\.json does not hold"):
        read_stats(tmp_path)
    with pytest.raises(ValueError, match="holds no scores of SCoPe"):
        read_stats(tmp_path / "models_dnn" / "DR16" / "none")


def test_predictions(realdata, tmp_path):
    table = read_predictions(realdata / "scope_field_296_100rows.csv")
    names = prediction_columns(table)
    assert names.groupby("algorithm").size().to_dict() == {"dnn": 44, "xgb": 44}
    for change, message in (
        ({"vnv_xgb": 1.5}, "vnv_xgb holds something else"),
        ({"vnvv_dnn": 0.5}, "unknown tag 'vnvv'"),
    ):
        table.assign(**change).to_csv(tmp_path / "p.csv", index=False)
        with pytest.raises(ValueError, match=message):
            read_predictions(tmp_path / "p.csv")
    table[["_id", "ra"]].to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(ValueError, match="has no predictions"):
        read_predictions(tmp_path / "p.csv")
