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
        "threshold": 0.554560872,
        "probabilities": {36: 0.461571276, 1872: 0.054944470, 4049: 0.974305850, 6009: 0.010491858},
        "scores": {
            "accuracy": (0.950930626, 0.915563018, 0.971938072),
            "precision": (0.956298201, 0.907581694, 0.979903383),
            "recall": (0.968750000, 0.926568784, 0.987039903),
            "f1_score": (0.962483829, 0.934353403, 0.978833078),
            "roc_auc": (0.994489734, 0.982861689, 0.998242461),
            "average_precision": (0.997254003, 0.991847578, 0.999078392),
            "brier_score": (0.032485417, 0.021739662, 0.048542719),
            "log_loss": (0.116720993, 0.087378019, 0.155917819),
        },
    },
    ("vnv", "forest"): {
        "threshold": 0.593461873,
        "probabilities": {36: 0.502791178, 1872: 0.131991562, 4049: 0.950417329, 6009: 0.008201301},
        "scores": {
            "accuracy": (0.949238579, 0.912556582, 0.971021344),
            "precision": (0.951530612, 0.899644010, 0.977268360),
            "recall": (0.971354167, 0.930937278, 0.988412687),
            "f1_score": (0.961340206, 0.932252467, 0.978230615),
            "roc_auc": (0.993093297, 0.980561519, 0.997566028),
            "average_precision": (0.996543387, 0.990155437, 0.998791377),
            "brier_score": (0.041695108, 0.029051564, 0.059841253),
            "log_loss": (0.139954141, 0.105865807, 0.185018773),
        },
    },
    ("rrlyr", "xgb"): {
        "threshold": 0.352761073,
        "probabilities": {36: 0.006822147, 1871: 0.001047259, 4055: 0.000876524, 6009: 0.002688099},
        "scores": {
            "accuracy": (0.998432602, 0.986878908, 0.999814675),
            "precision": (0.975609756, 0.815377795, 0.997247307),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.987654321, 0.898312729, 0.998621579),
            "roc_auc": (0.998996656, 0.991132908, 0.999887261),
            "average_precision": (0.977642874, 0.815212653, 0.997698191),
            "brier_score": (0.004828582, 0.001236037, 0.018862877),
            "log_loss": (0.021590969, 0.009140072, 0.051002875),
        },
    },
    ("rrlyr", "forest"): {
        "threshold": 0.332750687,
        "probabilities": {36: 0.030462617, 1871: 0.000000003, 4055: 0.000665280, 6009: 0.000000003},
        "scores": {
            "accuracy": (0.993730408, 0.944411255, 0.999324194),
            "precision": (0.909090909, 0.510554540, 0.989676403),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.952380952, 0.675831450, 0.994814987),
            "roc_auc": (0.999707358, 0.996631909, 0.999974645),
            "average_precision": (0.994718514, 0.940079355, 0.999557913),
            "brier_score": (0.005644687, 0.002359408, 0.013504440),
            "log_loss": (0.030614615, 0.019284840, 0.048600594),
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
