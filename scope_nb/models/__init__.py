"""Classifiers: `builders` lists and makes them, `fitting` trains them, `calibration` mends, `saving` keeps them."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "builders": [
            "ALGORITHMS",
            "SCOPE_TREES",
            "contributions",
            "dnn",
            "forest",
            "require_own_name",
            "rnn",
            "scope_dnn",
            "tuned_settings",
            "xgb",
        ],
        "fitting": ["Folds", "Mean", "fit"],
        "preprocessing": ["DropColumns", "EvalSetPipeline", "ScopeImputer"],
        "keras_classifier": ["KerasClassifier", "load_keras"],
        "calibration": ["Calibrated", "calibrate"],
        "saving": ["described", "load_model", "load_xgb", "model_folder", "save_model", "start_folder"],
        "tuning": ["tune_xgb"],
    },
)
