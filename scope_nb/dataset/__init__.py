"""Training tables: `tables` reads and writes them, `labels` and `columns` know what they hold, `dataset` cuts them."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "dataset": ["Cut", "Dataset", "Part", "inputs", "split_place", "trainable"],
        "tables": ["open_table", "read_parquet", "read_table", "write_parquet"],
        "labels": [
            "compare_medians",
            "count_labels",
            "find_example",
            "label_columns",
            "missing_parents",
            "read_class_tags",
            "tag_tree",
        ],
    },
)
