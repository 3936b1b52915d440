"""Labels: `audit` finds those that are probably wrong, by what `structure`, `confident` and `stored_periods` check."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "audit": ["audit_table", "count_findings", "judge_findings", "make_corrections"],
        "structure": ["check_structure"],
        "confident": ["check_labels"],
        "stored_periods": ["check_periods"],
    },
)
