"""Scores: `metrics` computes them, `evaluation` judges a model, `classes` single answers, `checks` what flatters."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "metrics": ["METRICS", "compute_scores", "intervals", "number", "percent", "with_interval"],
        "classes": ["ClassScores", "score_classes"],
        "evaluation": ["Evaluation", "beside_published", "describe_scores", "evaluate", "mistakes", "pool"],
        "checks": [
            "check_dropped_negatives",
            "contamination",
            "measure_leak",
            "score_at_thresholds",
            "score_over_seeds",
        ],
    },
)
