"""Tuning of the gradient-boosted trees on the validation part, within a budget of minutes."""

import numpy as np
from sklearn.metrics import average_precision_score

from .builders import SCOPE_TREES, xgb
from .fitting import fit_model

RANGES = ("max_depth", "min_child_weight", "subsample", "colsample_bytree", "learning_rate")


def tune_xgb(train, val, minutes, seed=42, trials=None, n_jobs=None, **fixed):
    """Search settings of `models.xgb` with the highest average precision on the validation part.

    The ranges hold SCoPe's grid (depth 3 to 7, child weight 1 to 5, subsampling 0.6 to 1, eta 0.05 to 0.3) and go
    beyond it; the kit's settings are tried first, then SCoPe's without its grid, then what a tree-structured Parzen
    estimator proposes (Bergstra et al. 2011, NeurIPS 24).

    Parameters
    ----------
    train, val : Part
    minutes, trials
        No trial starts after so many minutes (more than 0), nor after so many trials (None: without limit).
    seed, n_jobs, **fixed
        Seed of proposals and trees, threads of each trial, and settings that all trials share.

    Returns
    -------
    params, scores : dict, numpy.ndarray of shape (n_trials,)
        Settings of the best trial, as arguments of `models.xgb`; and average precision of each trial, in order. For
        one seed the first trials are the same on every machine.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError("tuning needs Optuna: pip install optuna") from error
    if not minutes > 0:
        raise ValueError(f"a budget of {minutes} minutes leaves no time for a single trial")
    if train.classes:
        raise ValueError("tuning is for one tag: cut the data set with a tag in place of a list")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fixed = {name: value for name, value in fixed.items() if name not in RANGES}

    def score(trial):
        params = {
            "max_depth": trial.suggest_int("max_depth", 2, 10),
            "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 20, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.4, log=True),
        }
        model = fit_model(xgb(seed=seed, n_jobs=n_jobs, **fixed, **params), train, val)
        return average_precision_score(val.y, model.predict_proba(val.X)[:, 1])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for start in (xgb().estimator.get_params(), SCOPE_TREES):
        study.enqueue_trial({name: start[name] for name in RANGES})
    study.optimize(score, n_trials=trials, timeout=60 * minutes)
    return study.best_params, np.array([trial.value for trial in study.trials])
