"""scope_nb: a notebook-first kit for classifying variable stars of the Zwicky Transient Facility.

Data flows one way: light curves -> features -> training table -> Dataset -> model -> scores -> saved run.
"""

import os
from importlib import import_module

__version__ = "0.1.0"


def names_on_demand(package, places):
    """Return `__getattr__`, `__dir__` and `__all__` of a package that loads names when they are first used (PEP 562).

    `places` lists them for each of its modules, which are loaded in the same way.
    """
    place_of = {name: place for place, names in places.items() for name in names}
    everything = sorted({*places, *place_of})

    def __getattr__(name):
        if name not in everything:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{place_of.get(name, name)}")
        return getattr(module, name) if name in place_of else module

    return __getattr__, lambda: everything, everything


def let_threads_sleep():
    """Let threads of OpenMP (scikit-learn, XGBoost) that wait for each other sleep; call it before OpenMP is loaded."""
    # by default they spin, and where other programs want the cores as well, trees then take tens of times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "lightcurves": ["LightCurves", "read_lightcurves", "write_lightcurves"],
        "periods": ["find_period", "period_table"],
        "features": ["featurize"],
        "dataset": ["Dataset", "read_parquet", "write_features", "write_parquet"],
        "models": ["dnn", "fit", "forest", "rnn", "xgb"],
        "scores": ["evaluate"],
        "runs": ["classify", "compare", "load_run", "save_run", "train_group"],
        "survey": ["classify_survey", "featurize_survey"],
        "plots": [],
    },
)
