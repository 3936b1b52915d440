"""Whatever name a plot shows is explained."""

import pytest

from scope_nb import Dataset, files, taxonomy
from scope_nb.dataset import open_table
from scope_nb.features import feature_names

# those that count, compare or identify; all others have a unit
WITHOUT_UNIT = (
    "ad|ccd|chi2red|.*_BIC|.*_power|field|inv_.*|.*braai|n|n_ztf_.*|norm_.*|pdot|quad|roms|significance.*|skew|sw"
    "|smallkurt|stetson_.|welch_i|.*__id|.*ph_qual|.*excess_factor|.*qualityFlag|_id|coordinates|dmdt.*|growth_.*"
    "|R_.1|(cos|sin)_phi_.1|fit_(skew|kurtosis|minima|second_depth|faint)|periods_agreeing|Gaia_abl.*"
)


@pytest.mark.parametrize("suffix", taxonomy.PERIOD_SUFFIXES)
def test_every_feature_has_a_description_and_a_unit(suffix):
    inputs = Dataset.read(files.sample(), "e", period_suffix=suffix).X  # catalogue, derived and dmdt columns too
    columns = [name for name in open_table(files.sample()).columns if name not in taxonomy.label_names()]
    names = [*dict.fromkeys([*inputs, *feature_names(), *taxonomy.feature_table().index, *columns])]
    names = [name for name in names if name not in taxonomy.own_columns(columns) and name not in taxonomy.IDENTITY]
    texts = taxonomy.describe_features(names)
    assert texts.index.tolist() == names
    assert texts.index[texts["description"] == ""].tolist() == []
    bare = texts.index.map(taxonomy.base_name).str.fullmatch(WITHOUT_UNIT)
    assert texts.index[(texts["unit"] == "") != bare].tolist() == []


def test_a_bin_of_dmdt_is_described_by_its_edges():
    texts = taxonomy.describe_features(["dmdt_25_0", "my_own", "period_ELS"])
    assert "differ by 4.5 to 8 mag in 0 to 0.0276 days" in texts["description"]["dmdt_25_0"]
    assert texts.loc["my_own"].tolist() == ["", ""]
    assert texts["unit"]["period_ELS"] == "day"
