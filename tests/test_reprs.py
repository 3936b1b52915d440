"""What is printed of the package's objects is a line, whatever their size."""

from sklearn.dummy import DummyClassifier

from scope_nb import models, runs
from scope_nb.dataset.dataset import Dataset
from scope_nb.scores.evaluation import evaluate


def test_objects_are_printed_in_a_line(table, tmp_path):
    dataset = Dataset.from_table(table, "rrlyr", derived=False)
    assert repr(dataset).startswith("Dataset of rrlyr (RR Lyrae): 800 light curves, ")
    n = len(dataset.test)
    assert f"test {n} ({dataset.test.y.sum()} positive)" in repr(dataset)
    assert repr(dataset.test).startswith(f"Part of {n} light curves, ")
    trained = models.fit(DummyClassifier(strategy="prior"), dataset, calibration="none")
    assert repr(trained) == f"Trained DummyClassifier(); calibration: none; {len(dataset.val)} unseen light curves"
    evaluation = evaluate(trained, dataset)
    f1 = f"F1 {evaluation.texts()['f1_score']} on {n} test light curves"
    assert repr(evaluation) == f"Evaluation of rrlyr: {f1}"
    run = runs.load_run(runs.save_run(tmp_path / "g/mine/rrlyr", trained, evaluation, dataset))
    assert repr(run) == f"Run g/mine/rrlyr: {f1}"
    long = models.fit(models.xgb(n_estimators=2, n_jobs=1), dataset, calibration="sigmoid")
    assert "XGBClassifier" in repr(long) and len(repr(long)) < 200
