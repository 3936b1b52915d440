"""Features and periods that must not move: those of the embedded sample, made again from its seed.

Only a change that is meant to alter simulation, periods or features may change them, together with the sample.
"""

import numpy as np
from simulation import simulate

from scope_nb import featurize
from scope_nb.dataset import read_table
from scope_nb.features import feature_names
from scope_nb.files import sample

FIRST, STARS, SEED = 20, 5, 1  # SEED is that of `make sample`


def test_features_of_the_sample_stand_still():
    curves, _ = simulate(STARS, SEED, "sample", FIRST)
    table = featurize(curves.clean(), progress=False)
    stored = read_table(sample(), ["_id", *feature_names(), "dmdt"]).set_index("_id").loc[table["_id"]]
    assert len(stored) >= 10
    for name in feature_names():
        np.testing.assert_allclose(table[name], stored[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(np.stack(table["dmdt"]), np.stack(stored["dmdt"]), atol=1e-6)
