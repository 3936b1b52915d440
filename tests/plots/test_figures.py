"""Figures of examples and labels: what is drawn where something is missing."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scope_nb import plots
from scope_nb.dataset.labels import find_example, missing_parents
from scope_nb.lightcurves.curves import LightCurves


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def curves(star):
    """The light curve of row 5 of the training table."""
    time, mag, err, _ = star
    return LightCurves.from_lists(pd.DataFrame({"_id": [5], "ra": [10.0], "dec": [5.0]}), [time], [mag], [err])


def test_a_gallery_shows_the_light_curve_or_else_the_dmdt(curves):
    meta = pd.DataFrame({"_id": [5, 6, 7], "ra": 10.0, "dec": 5.0, "periodic": [1.0, 0.0, 0.0]}, index=[2, 30, 31])
    meta["period_ELS"] = 0.5123456
    examples = pd.DataFrame({"row": [2, 31, 30], "y": [0, 1, 0], "probability": 0.5, "labels": "none"})
    axes = plots.gallery(examples, meta, curves, [None, np.eye(26), None], period_suffix="ELS", columns=2)
    assert [ax.get_xlabel() for ax in axes.flat[:3]] == ["phase (P = 0.512346 d)", "time difference (days)", ""]
    assert [ax.get_title().split(",")[0] for ax in axes.flat[:3]] == ["false alarm", "missed", "false alarm"]
    assert axes.flat[2].texts[0].get_text() == "neither light curve nor dmdt"
    assert axes.flat[3] not in axes.flat[0].figure.axes


@pytest.mark.parametrize(
    ("tag", "label"), [("rrab", "phase (P"), ("e", "phase (P"), ("vnv", "time (MJD"), ("", "time (MJD")]
)
def test_a_question_about_periodic_stars_folds_what_has_a_period_and_names_the_most_specific_label(curves, tag, label):
    meta = pd.DataFrame({"_id": [5], "ra": 10.0, "dec": 5.0, "periodic": [0.0], "period_ELS": [0.5123456]})
    labels = "variable, detached eclipsing MS-MS, RR Lyrae Blazhko"
    examples = pd.DataFrame({"row": [0], "y": [0], "probability": 0.5, "labels": labels})
    for period, expected in ((0.5123456, label), (np.nan, "time (MJD")):
        ax = plots.gallery(examples, meta.assign(period_ELS=period), curves, period_suffix="ELS", tag=tag).flat[0]
        assert ax.get_xlabel().startswith(expected)
        assert ax.get_title().splitlines()[1].startswith("RR Lyrae Blazhko, ")


def test_labels_of_a_figure_are_counted_and_at_most_six(table):
    ax = plots.feature_by_label(table, "wstd", ["RR Lyrae", "eclipsing", "AGN"])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [f"{label} ({(table[label] > 0.7).sum()})" for label in ("RR Lyrae", "eclipsing")]  # no AGN here
    with pytest.raises(ValueError, match="at most 6 labels can be compared in one plot, not 7"):
        plots.feature_by_label(table, "wstd", table.columns[4:11])


def test_undefined_intervals_have_no_error_bar():
    lengths = plots.error_lengths(np.array([0.5, np.nan, 0.9]), [(0.4, 0.7), (np.nan, np.nan), (0.95, 1.0)])
    np.testing.assert_allclose(lengths, [[0.1, 0.0, 0.0], [0.2, 0.0, 0.1]], atol=1e-12)


def test_an_example_is_one_whose_light_curve_is_in_the_file(table, curves):
    table = table.assign(ra=10.0, dec=5.0)
    table.loc[5, "RR Lyrae"] = 1.0
    positive = table.index[table["RR Lyrae"] > 0.7]
    example = find_example(table, "RR Lyrae", curves=curves)
    assert (example.row.name, example.n_positive, example.n_curves) == (5, len(positive), 1)
    assert len(example.curve) == len(curves.time)
    alone = find_example(table, "RR Lyrae")
    assert (alone.row.name, alone.curve, alone.n_curves) == (positive[0], None, 0)
    assert find_example(table, "AGN", curves=curves) == (None, None, 0, 0)


def test_positive_light_curves_without_the_parent_are_counted(table):
    lacking = missing_parents(table)
    assert lacking.loc["e"].to_dict() == {
        "parent": "periodic",
        "positive": (table["eclipsing"] > 0.7).sum(),
        "lack the parent": (table["eclipsing"] > 0.7).sum(),
    }
    assert set(lacking.index) == {"e", "rrlyr"}
