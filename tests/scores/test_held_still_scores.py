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
        "threshold": 0.523512460,
        "probabilities": {36: 0.235813311, 1872: 0.107158225, 4049: 0.976000215, 6009: 0.012044174},
        "scores": {
            "accuracy": (0.949238579, 0.913946769, 0.970523457),
            "precision": (0.951530612, 0.902839561, 0.976456896),
            "recall": (0.971354167, 0.930937278, 0.988412687),
            "f1_score": (0.961340206, 0.933343159, 0.977856982),
            "roc_auc": (0.990539452, 0.977908924, 0.995978201),
            "average_precision": (0.995301559, 0.988863766, 0.998025133),
            "brier_score": (0.038882567, 0.025957861, 0.058242626),
            "log_loss": (0.133921260, 0.098543899, 0.181999129),
        },
    },
    ("vnv", "forest"): {
        "threshold": 0.573085476,
        "probabilities": {36: 0.289648118, 1872: 0.149537262, 4049: 0.958998243, 6009: 0.004597535},
        "scores": {
            "accuracy": (0.950930626, 0.914808590, 0.972201953),
            "precision": (0.953964194, 0.902708199, 0.978849797),
            "recall": (0.971354167, 0.930937278, 0.988412687),
            "f1_score": (0.962580645, 0.933927976, 0.979086101),
            "roc_auc": (0.991872987, 0.980135913, 0.996698349),
            "average_precision": (0.995981049, 0.989950882, 0.998398551),
            "brier_score": (0.041758960, 0.029585964, 0.058940473),
            "log_loss": (0.140889373, 0.108271067, 0.183334439),
        },
    },
    ("rrlyr", "xgb"): {
        "threshold": 0.308859806,
        "probabilities": {36: 0.006284505, 1871: 0.003397982, 4055: 0.001485620, 6009: 0.001169652},
        "scores": {
            "accuracy": (0.998432602, 0.986878908, 0.999814675),
            "precision": (0.975609756, 0.815377795, 0.997247307),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.987654321, 0.898312729, 0.998621579),
            "roc_auc": (0.999372910, 0.993881891, 0.999936042),
            "average_precision": (0.988195004, 0.889312187, 0.998854742),
            "brier_score": (0.005101805, 0.001617442, 0.016092337),
            "log_loss": (0.024775794, 0.012805679, 0.047934982),
        },
    },
    ("rrlyr", "forest"): {
        "threshold": 0.310686416,
        "probabilities": {36: 0.006373492, 1871: 0.000330631, 4055: 0.000000006, 6009: 0.000000006},
        "scores": {
            "accuracy": (0.989028213, 0.933071314, 0.998287244),
            "precision": (0.851063830, 0.488404822, 0.971593724),
            "recall": (1.000000000, 0.806386582, 1.000000000),
            "f1_score": (0.919540230, 0.641642476, 0.986476797),
            "roc_auc": (0.999707358, 0.996631909, 0.999974645),
            "average_precision": (0.994718514, 0.940079355, 0.999557913),
            "brier_score": (0.005585678, 0.002604162, 0.011980744),
            "log_loss": (0.031392289, 0.020571043, 0.047905971),
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
