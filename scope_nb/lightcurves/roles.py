"""Which column of a table is the time, the magnitude, ...: by the names in `tables/lightcurve_columns.csv`."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..taxonomy import TABLES, unknown


class Column(NamedTuple):
    """A column of a table in one of its roles, with what is known of columns of that name."""

    name: str
    unit: str = ""
    offset: float = np.nan  # of a time the Julian date of its 0, of a flux the zero point (mag)
    survey: str = ""


@cache
def column_facts():
    """Return the known columns of light curves as a DataFrame: `role`, `alias`, `unit`, `offset`, `survey`, `note`.

    Of the aliases of a role the first one that a table has is used. `offset` is the Julian date of a time's 0, and the
    zero point of a flux in magnitudes.
    """
    facts = pd.read_csv(TABLES / "lightcurve_columns.csv", keep_default_na=False)
    return facts.assign(offset=pd.to_numeric(facts["offset"]))


def find_columns(names, named, source):
    """Return the columns of each role that a table has, a dict of lists of `Column`, the preferred one first.

    `named` are the columns that the user names, by role; they override. An alias is taken as it is written if it is
    there, else in capital or small letters. A `ValueError`, which names `source`, says what a table lacks, or that its
    photometry is of differences.
    """
    names = list(map(str, names))
    roles, used = {}, {name for name in named.values() if name is not None}
    exact = set(names) & {alias for rows in _aliases().values() for alias in rows}
    by_lower = {name.lower(): name for name in reversed(names) if name not in exact}
    for role, rows in _aliases().items():
        columns = []
        if named.get(role) is not None:
            if named[role] not in names:
                raise ValueError(f"{source}: {unknown(f'column for {role}', named[role], names)}")
            columns = [_describe(named[role], rows)]
        else:
            for alias in rows:
                name = alias if alias in exact else by_lower.get(alias.lower())
                if name is not None and name not in used:
                    columns.append(_describe(name, rows))
                    used.add(name)
        if columns:
            roles[role] = columns
    if named.get("flux") and not named.get("mag"):  # what the user names comes before what is known
        roles.pop("mag", None)
    if named.get("err") and "mag" not in roles:
        roles.pop("flux_err", None)
    _require_roles(roles, named, names, source)
    return roles


@cache
def _aliases():
    """Return for each role the facts of its aliases, as a `Column` called like the alias, in their order."""
    roles = {}
    for row in column_facts().itertuples():
        roles.setdefault(row.role, {})[row.alias] = Column(row.alias, row.unit, row.offset, row.survey)
    return roles


def _describe(name, rows):
    """Return a column with the facts of its name, or of nearly its name."""
    near = (column for alias, column in rows.items() if alias.lower() == name.lower())
    return (rows.get(name) or next(near, Column(name)))._replace(name=name)


def _require_roles(roles, named, names, source):
    """Raise a `ValueError` unless a table has times, and magnitudes or fluxes that are those of the whole star."""
    photometry = [*roles.get("mag", []), *roles.get("flux", [])]
    differences = [] if photometry else roles.get("difference", [])
    if not (photometry and "mag" in roles and photometry[0].survey):  # which of a survey are magnitudes, is known
        differences = differences + roles.get("difference table", [])
    if differences and not (named.get("mag") or named.get("flux")):
        column = differences[0]
        note = column_facts().set_index("alias").loc[column.name, "note"]
        raise ValueError(
            f"{source}: {column.name!r} of {column.survey} is difference photometry, the star less a reference image, "
            f"from which neither amplitude nor period follow. Instead {note}"
        )
    lacking = [] if "time" in roles else ["time"]
    lacking += [] if {"mag", "flux"} & set(roles) else ["mag (or flux)"]
    if lacking:
        shown = ", ".join(names[:20]) or "none"
        used = {column.name for columns in roles.values() for column in columns}
        example = next((name for name in names if name not in used), "...")
        raise ValueError(
            f"{source}: no column is known as {' or as '.join(lacking)}; its columns are {shown}. Name it, as in "
            f"{lacking[0].split()[0]}={example!r}; scope_nb/tables/lightcurve_columns.csv has the names that are known"
        )
