"""Functions that numba compiles: once on a machine, which is said while it lasts."""

import tempfile
from functools import cache
from multiprocessing import current_process

import numba
from numba.core import event
from tqdm.auto import tqdm

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
SLOW = ("scope_nb.periods", "scope_nb.features")  # the rooms whose functions take half a minute together


def compiled(function=None, **options):
    """Decorate a function that numba compiles when it is first called, and keeps in the package's folder or the user's.

    Where neither can be written, the cache is a temporary folder of this process. `options` are those of `numba.njit`.
    Plain loops are compiled several times faster than expressions of arrays, sorting, or arrays put into slices; and a
    number written in a call (`2`, not `np.int64(2)`) is compiled for apart from others.
    """
    if function is None:
        return lambda function: compiled(function, **options)
    try:
        return numba.njit(**OPTIONS | options)(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        numba.config.CACHE_DIR = _temporary_cache().name
        return numba.njit(**OPTIONS | options)(function)


@cache
def _temporary_cache():
    return tempfile.TemporaryDirectory(prefix="scope_nb-")


class _Announcement(event.Listener):
    """Says once that slow functions are compiled now; what was kept from earlier calls does not come here.

    Of several processes the first says it.
    """

    said = False

    def on_start(self, happening):
        first = current_process().name.endswith(("MainProcess", "-1"))
        if first and not self.said and happening.data["dispatcher"].py_func.__module__.startswith(SLOW):
            self.said = True
            tqdm.write("compiling the searches and features, once on this machine: about half a minute")

    def on_end(self, happening):
        pass


event.register("numba:compile", _Announcement())
