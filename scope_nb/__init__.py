"""scope_nb: a notebook-first kit for classifying variable stars of the Zwicky Transient Facility.

Data flows one way: light curves -> features -> training table -> Dataset -> model -> scores -> saved run. The names of
`__all__` are the front door. Each is loaded when it is first used, so that `import scope_nb` alone loads nothing.
"""

import os
from importlib import import_module

__version__ = "0.1.0"


def names_on_demand(package, places):
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose names are loaded when first used (PEP 562).

    Parameters
    ----------
    package : str
    places : dict of str to list of str
        The names that each module below the package has; the modules are names too.
    """
    place_of = {name: place for place, names in places.items() for name in names}

    def __getattr__(name):
        if name in places:
            return import_module(f"{package}.{name}")
        if name not in place_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{place_of[name]}"), name)

    everything = sorted({*places, *place_of})
    return __getattr__, lambda: everything, everything


def let_threads_sleep():
    """Let threads of OpenMP (scikit-learn, XGBoost) that wait for each other sleep; read when OpenMP is loaded.

    By default they spin, and where other programs want the cores as well, trees then take tens of times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "lightcurves": ["LightCurves", "read_lightcurves", "write_lightcurves"],
        "periods": ["find_period", "period_table"],
        "features": ["featurize"],
        "dataset": ["Dataset", "read_parquet", "write_parquet"],
        "models": ["dnn", "fit", "forest", "rnn", "xgb"],
        "scores": ["evaluate"],
        "runs": ["classify", "compare", "load_run", "save_run"],
        "plots": [],
    },
)
