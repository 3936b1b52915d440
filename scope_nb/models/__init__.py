"""Classifiers: `builders` makes the kit's own, `fitting` trains any, `calibration` mends, `saving` keeps them."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "builders": [
            "BUILDERS",
            "SCOPE_TREES",
            "build",
            "choose_inputs",
            "dnn",
            "forest",
            "name_run",
            "rnn",
            "scope_dnn",
            "shap_values",
            "tuned_settings",
            "xgb",
        ],
        "fitting": ["Mean", "Trained", "fit", "fit_folds", "fit_model", "named_importances"],
        "preprocessing": ["DropColumns", "EvalSetPipeline", "ScopeImputer"],
        "keras_classifier": ["KerasClassifier", "load_keras"],
        "calibration": ["Calibrated"],
        "saving": ["described", "load_model", "model_folder", "save_model"],
        "scope_trees": ["ScopeTrees", "load_scope_trees"],
        "trial": ["try_model"],
        "tuning": ["tune_xgb"],
        "networks": [],
    },
)
