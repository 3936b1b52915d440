"""Periods: `periodograms`, `kernels` (for a GPU) and `harmonics` compute, `judge` and `bands` weigh, `search` finds."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "gpu": ["choose_device"],
        "judge": ["measured_trust"],
        "search": ["PeriodResult", "find_period", "find_periods", "fold", "period_table"],
    },
)
