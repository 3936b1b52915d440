"""Surveys: what is too large for memory, part by part, by the workers of a machine or of a cluster."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "surveys": ["classify_survey", "featurize_survey"],
        "partitions": ["Partition", "list_partitions"],
        "manifest": ["Manifest"],
        "stages": ["Outcome", "Task", "run_stage"],
        "hats_catalogues": ["write_hats"],
        "workers": ["WorkerDied", "connect", "run_tasks"],
        "consolidation": ["find_meeting", "join_stars"],
    },
)
