"""Saved runs: `saved` writes and reads them, `comparison` compares them, `catalogue` applies them to stars."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "saved": ["Run", "apply_run", "load_run", "load_runs", "save_run", "write_run"],
        "ensemble": ["average", "average_all", "save_average", "shared_tags"],
        "comparison": ["compare", "compare_published", "compare_settings", "published_counts"],
        "leaderboard": ["group_runs", "mean_importances", "score_table"],
        "catalogue": ["SHORT", "Catalogue", "catalogue_folder", "check_request", "classify", "star_names"],
        "group_models": ["GroupModels", "list_group", "load_group"],
        "tree": ["as_known_classes", "compare_classes"],
        "novelty": ["Novelty", "fit_novelty", "load_novelty"],
        "training": ["stars_group", "train_group"],
        "scope_files": ["read_predictions", "read_stats"],
    },
)
