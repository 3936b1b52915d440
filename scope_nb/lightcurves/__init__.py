"""Light curves: `curves` holds them, `readers` reads and writes the files that people have."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "curves": ["LightCurve", "LightCurves", "group_by_position", "match_curves", "stars"],
        "readers": ["read_lightcurves", "write_lightcurves"],
    },
)
