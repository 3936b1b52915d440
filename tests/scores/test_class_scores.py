"""Single answers: scikit-learn's scores, and intervals that hold."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from scope_nb.scores import score_classes
from scope_nb.scores.classes import CLASS_METRICS, ONE_CLASS_METRICS

NAMES = np.array(["rrab", "ew", "lpv", "other", "cv"])


def draw_answers(rng, n_stars, sure=1.3):
    """True classes, probabilities and stars of light curves: two of each star; the last classes are rare."""
    number = np.repeat(rng.choice(5, n_stars, p=[0.1, 0.2, 0.15, 0.5, 0.05]), 2)
    logits = 2 * sure * np.eye(5)[number] + np.repeat(rng.normal(size=(n_stars, 5)), 2, axis=0)
    probability = np.exp(logits + 0.3 * rng.normal(size=logits.shape))
    probability /= probability.sum(axis=1, keepdims=True)
    return NAMES[number], pd.DataFrame(probability, columns=NAMES), np.repeat(np.arange(n_stars), 2)


def test_scores_are_scikit_learns():
    truth, probability, star = draw_answers(np.random.default_rng(0), 200)
    result = score_classes(truth, probability, star)
    answer = probability.idxmax(axis=1).to_numpy()
    np.testing.assert_array_equal(result.counts, metrics.confusion_matrix(truth, answer, labels=NAMES))
    assert list(result.counts) == list(result.counts.index) == list(NAMES)
    expected = metrics.precision_recall_fscore_support(truth, answer, labels=NAMES)
    for metric, values in zip(ONE_CLASS_METRICS, expected[:3], strict=True):
        np.testing.assert_allclose([result.by_class[name][metric] for name in NAMES], values)
    assert result.stats["macro_f1"] == pytest.approx(metrics.f1_score(truth, answer, average="macro"))
    assert result.stats["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, answer))
    assert result.stats["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answer))
    known = metrics.log_loss(truth, probability[sorted(NAMES)], labels=sorted(NAMES))
    assert result.stats["log_loss"] == pytest.approx(known)
    by_name = score_classes(truth, answer, star)
    assert by_name.stats["interval"]["macro_f1"] == result.stats["interval"]["macro_f1"]
    assert np.isnan(by_name.stats["log_loss"])


def test_intervals_hold_the_scores_of_all_stars():
    rng = np.random.default_rng(1)
    everything = score_classes(*draw_answers(rng, 40_000)).stats
    covered = pd.DataFrame(0, ["hit"], CLASS_METRICS)
    for _ in range(200):
        stats = score_classes(*draw_answers(rng, 150)).stats
        for metric in CLASS_METRICS:
            low, high = stats["interval"][metric]
            covered[metric] += low <= everything[metric] <= high
    assert ((covered.loc["hit"] / 200).between(0.91, 0.995)).all(), covered


def test_an_answer_that_is_no_class_is_wrong_and_has_a_column():
    truth, answer = ["rrab", "rrab", "ew", "ew", "cv"], ["rrab", "don't know", "ew", "rrab", "don't know"]
    result = score_classes(truth, answer)
    assert list(result.counts) == ["cv", "ew", "rrab", "don't know"]
    assert result.counts.loc["rrab"].tolist() == [0, 0, 1, 1]
    assert result.stats["accuracy"] == 0.4
    known = metrics.f1_score(truth, answer, average="macro", labels=["cv", "ew", "rrab"], zero_division=0)
    assert result.stats["macro_f1"] == pytest.approx(known)
    assert result.table().loc["cv", "precision"].startswith("- ")
    perfect = score_classes(["rrab", "ew"] * 4, ["rrab", "ew"] * 4)
    low, high = perfect.stats["interval"]["macro_f1"]
    assert 0.5 < low < 0.9 and high == 1.0  # four stars of each kind prove little


@pytest.mark.parametrize(
    ("truth", "answer", "message"),
    [
        (["a", "b"], ["a"], "2 true classes, 1 answers"),
        ([], [], "0 true classes"),
        (["a", None], ["a", "b"], "1 rows have no true class, first row 1"),
        (["a", "b"], ["a", np.nan], "1 rows have no answer, first row 1"),
        (["a", "c"], pd.DataFrame({"a": [1.0, 0.5], "b": [0.0, 0.5]}), "no probabilities of the true classes c"),
        (["a", "b"], pd.DataFrame({"a": [1.0, np.nan], "b": [0.0, 0.5]}), "of 1 rows do not add up to 1, first row 1"),
    ],
)
def test_what_cannot_be_scored_is_named(truth, answer, message):
    with pytest.raises(ValueError, match=message):
        score_classes(truth, answer)
