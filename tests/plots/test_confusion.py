"""The confusion matrix of single answers as a figure."""

import matplotlib.pyplot as plt
import numpy as np

from scope_nb import plots
from scope_nb.scores import score_classes


def test_every_count_stands_in_its_cell():
    truth = ["rrab"] * 1200 + ["ew"] * 4 + ["lpv"] * 2
    answer = ["rrab"] * 1190 + ["ew"] * 10 + ["ew"] * 3 + ["don't know"] + ["rrab", "lpv"]
    result = score_classes(truth, answer)
    ax = plots.confusion(result)
    texts = {tuple(map(int, text.get_position()[::-1])): text.get_text() for text in ax.texts}
    expected = {place: f"{count:,}" for place, count in np.ndenumerate(result.counts.to_numpy()) if count}
    assert texts == expected and "1,190" in texts.values()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["ew", "lpv", "rrab", "don't know"]
    assert ax.get_title().startswith(f"macro F1 {result.stats['macro_f1']:.3f} (")
    np.testing.assert_allclose(ax.images[0].get_array().sum(axis=1), 1)
    plt.close(ax.figure)
