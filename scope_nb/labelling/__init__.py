"""Labels: `audit` finds those that are probably wrong, by what `structure`, `confident` and `stored_periods` check;
`strategies` choose stars to ask about, `votes` are what people answer, `rounds` measure what they gain."""

from .. import names_on_demand

__getattr__, __dir__, __all__ = names_on_demand(
    __name__,
    {
        "audit": ["audit_table", "count_findings", "judge_findings", "make_corrections"],
        "structure": ["check_structure"],
        "confident": ["check_labels", "choose_probable_threshold"],
        "stored_periods": ["check_periods"],
        "votes": [
            "append_vote",
            "begin_votes",
            "correct_by_votes",
            "count_votes",
            "find_askable",
            "find_conflicts",
            "join_pool",
            "make_version",
            "read_votes",
        ],
        "strategies": ["STRATEGIES", "choose_stars", "learn_round"],
        "rounds": [
            "choose_start",
            "compare_strategies",
            "imagine_votes",
            "open_pool",
            "read_with_pool",
            "simulate_rounds",
        ],
        "desk": ["Desk", "tags_around"],
    },
)
