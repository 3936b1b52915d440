"""Periods: `periodograms`, `eclipses`, `kernels` (for a GPU) and `harmonics` compute, `grid_search` puts them together.

`bands` joins those of a star, `judge` weighs the candidates, `search` is what others call.
"""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "eclipses": ["Eclipses", "fit_eclipses"],
        "gpu": ["choose_device"],
        "judge": ["measured_trust"],
        "search": ["PeriodResult", "find_period", "find_periods", "fold", "period_table"],
    },
)
