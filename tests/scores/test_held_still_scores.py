"""Scores that must not move: those of `xgb` and `forest` on the embedded sample, recorded once.

Only a change that is meant to make classifiers better may change these numbers.
"""

from pathlib import Path

import pytest

from scope_nb import models
from scope_nb.dataset.dataset import Dataset
from scope_nb.scores import evaluate

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_training_set.parquet"

# Each score of the test part with the ends of its interval; probabilities by row of the table
EXPECTED = {
    ("vnv", "xgb"): {
        "threshold": 0.553070341,
        "probabilities": {36: 0.317771148, 1872: 0.035384227, 4049: 0.977004075, 6009: 0.011535683},
        "scores": {
            "accuracy": (0.949238579, 0.913946769, 0.970523457),
            "precision": (0.956185567, 0.907350432, 0.979851536),
            "recall": (0.966145833, 0.924825307, 0.985119557),
            "f1_score": (0.961139896, 0.932998312, 0.977743606),
            "roc_auc": (0.994175221, 0.985225743, 0.997716137),
            "average_precision": (0.997015026, 0.992288955, 0.998847869),
            "brier_score": (0.034164346, 0.022795292, 0.051203668),
            "log_loss": (0.119416309, 0.088564893, 0.161014759),
        },
    },
    ("vnv", "forest"): {
        "threshold": 0.598055250,
        "probabilities": {36: 0.352989672, 1872: 0.118023755, 4049: 0.951625106, 6009: 0.004539255},
        "scores": {
            "accuracy": (0.952622673, 0.916375774, 0.973610805),
            "precision": (0.956410256, 0.904138773, 0.980784752),
            "recall": (0.971354167, 0.930937278, 0.988412687),
            "f1_score": (0.963824289, 0.935069394, 0.980115707),
            "roc_auc": (0.992942331, 0.980197562, 0.997505493),
            "average_precision": (0.996567775, 0.990510131, 0.998763486),
            "brier_score": (0.042162810, 0.029917818, 0.059419525),
            "log_loss": (0.143255164, 0.110620933, 0.185516804),
        },
    },
    ("rrlyr", "xgb"): {
        "threshold": 0.355732137,
        "probabilities": {36: 0.017663398, 1871: 0.001830833, 4055: 0.001744700, 6009: 0.002503287},
        "scores": {
            "accuracy": (0.998432602, 0.986878908, 0.999814675),
            "precision": (0.975609756, 0.815377795, 0.997247307),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.987654321, 0.898312729, 0.998621579),
            "roc_auc": (0.999080268, 0.991764129, 0.999897959),
            "average_precision": (0.980402033, 0.834006979, 0.997996347),
            "brier_score": (0.004506275, 0.001164109, 0.017443823),
            "log_loss": (0.021897160, 0.009755968, 0.049147929),
        },
    },
    ("rrlyr", "forest"): {
        "threshold": 0.331496390,
        "probabilities": {36: 0.058350122, 1871: 0.000000003, 4055: 0.001072110, 6009: 0.000000003},
        "scores": {
            "accuracy": (0.993730408, 0.944411255, 0.999324194),
            "precision": (0.909090909, 0.510554540, 0.989676403),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.952380952, 0.675831450, 0.994814987),
            "roc_auc": (0.999540134, 0.995116965, 0.999956865),
            "average_precision": (0.991677039, 0.914699374, 0.999245232),
            "brier_score": (0.005648233, 0.002380340, 0.013402509),
            "log_loss": (0.031125916, 0.019695326, 0.049190486),
        },
    },
}


@pytest.fixture(scope="module")
def evaluations():
    results = {}
    for tag in ("vnv", "rrlyr"):
        dataset = Dataset.read(SAMPLE, tag, dmdt=False)
        for name, model in (("xgb", models.xgb(seed=42)), ("forest", models.forest(seed=42))):
            results[tag, name] = evaluate(models.fit(model, dataset), dataset)
    return results


@pytest.mark.parametrize(("tag", "name"), EXPECTED)
def test_scores_stand_still(evaluations, tag, name):
    result, expected = evaluations[tag, name], EXPECTED[tag, name]
    assert result.threshold == pytest.approx(expected["threshold"], abs=1e-6)
    probability = result.part("test").set_index("row")["probability"]
    assert probability[list(expected["probabilities"])].to_dict() == pytest.approx(expected["probabilities"], abs=1e-6)
    test = result.stats["test"]
    for metric, (value, low, high) in expected["scores"].items():
        assert [test[metric], *test["interval"][metric]] == pytest.approx([value, low, high], abs=1e-6), metric
