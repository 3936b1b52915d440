"""Features: `statistics`, `fourier`, `dmdt` of one light curve, `derived`, `extra` ones, `extract` makes the table."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "statistics": ["light_curve_statistics"],
        "fourier": ["fourier_features"],
        "dmdt": ["dmdt_histogram", "stack_dmdt"],
        "derived": ["derived_features"],
        "extract": ["feature_names", "featurize", "light_curve_features"],
    },
)
