"""Scores: `metrics` computes them with intervals, `evaluation` judges a model, `checks` what could flatter it."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "metrics": ["METRICS", "intervals", "scores"],
        "evaluation": ["Evaluation", "comparison", "evaluate", "evaluate_predictions", "mistakes", "pool", "reading"],
        "checks": ["at_thresholds", "contamination", "dropped_negatives", "leak", "over_seeds"],
    },
)
