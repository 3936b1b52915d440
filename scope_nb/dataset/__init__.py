"""Training tables: `tables` reads and writes them, `catalogues` and `corrections` change them, `dataset` cuts them."""

from .. import let_threads_sleep, names_on_demand

let_threads_sleep()

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "dataset": ["Dataset", "Part", "inputs", "trainable"],
        "splits": ["split_place"],
        "tables": ["make_plain", "open_table", "read_parquet", "read_table", "write_parquet"],
        "long_work": ["write_features"],
        "catalogues": ["join_catalogue"],
        "corrections": ["apply_corrections", "read_corrections", "undo_corrections", "write_corrections"],
        "labels": [
            "compare_medians",
            "count_labels",
            "find_example",
            "label_columns",
            "missing_parents",
            "own_labels",
            "read_class_labels",
            "read_class_tags",
            "tag_tree",
        ],
    },
)
