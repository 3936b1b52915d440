import pytest
import yaml

from scope_nb import models
from scope_nb.config import read_config, run_settings
from scope_nb.dataset.dataset import Dataset
from scope_nb.taxonomy import config_keys

ENTRY = {"label": "RR Lyrae", "features": "mine", "threshold": 0.5, "balance": 2.5, "weight_per_class": "true"}
ENTRY |= {"lr": 0.001, "amsgrad": 0.0003, "epsilon": "2e-8", "batch_size": 16, "test_size": 0.1}
ENTRY |= {"scale_features": "min_max"}


@pytest.fixture
def write(tmp_path):
    """Write a configuration in SCoPe's layout, changed at one dotted place; return its path."""

    def write(place="", value=None):
        included = {"wstd": True, "skew": True, "iqr": False, "f1_power": True, "period": True}
        mine = {
            n: {"include": i, "dtype": "float", "periodic": n in ("f1_power", "period")} for n, i in included.items()
        }
        grid = {"max_depth": [3, 8, 2], "min_child_weight": [1, 6, 2], "subsample": [6, 11, 2]}
        other = {"eta_list": [0.3, 0.1], "early_stopping_rounds": 7, "num_boost_round": 55, "nfold": 5}
        trees = {"gridsearch_params_start_stop_step": grid, "other_training_params": other, "plot_params": {}}
        training = {"dataset": "tools/set.parquet", "classes": {"rrlyr": dict(ENTRY)}, "xgboost": trees}
        training["dnn"] = {"dense_branch": True}
        content = {"kowalski": {"host": "?"}, "training": training}
        content["features"] = {"info": {"period_suffix": "ECE"}, "mine": mine}
        *way, last = place.split(".")
        inner = content
        for name in way:
            inner = inner[name]
        if last:
            inner[last] = value
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return tmp_path / "config.yaml"

    return write


def test_order_of_precedence(write):
    alone = run_settings("vnv")
    assert alone["cut"]["threshold"] == 0.7 and alone["cut"]["period_suffix"] == "ELS_ECE_EAOV"
    assert not alone["dnn"] and not alone["xgb"] and not alone["cut"]["weight_per_class"]
    path = write()
    cut = run_settings("rrlyr", path, threshold=None, features="")["cut"]
    assert (cut["threshold"], cut["balance"], cut["weight_per_class"], cut["label"]) == (0.5, 2.5, True, "RR Lyrae")
    assert cut["features"] == ["wstd", "skew", "f1_power_ECE", "period_ECE"]
    cut = run_settings("RR Lyrae", path, threshold=0.9, period_suffix="ELS", weight_per_class=False)["cut"]
    assert (cut["threshold"], cut["weight_per_class"]) == (0.9, False)
    assert cut["features"] == ["wstd", "skew", "f1_power_ELS", "period_ELS"]
    assert run_settings("rrlyr", path, features="ontological")["cut"]["features"] == "ontological"
    assert read_config(path)["data"] == str(path.parent / "tools" / "set.parquet")
    assert run_settings("vnv", path)["cut"]["threshold"] == 0.7  # a class that the file does not have


def test_a_class_may_have_a_label_of_its_own(write, table):
    path = write("training.classes.bls", {"label": "blue loop star", "threshold": 0.4, "features": "mine"})
    for name in ("bls", "BLS", "blue loop star"):
        chosen = run_settings(name, path, ["blue loop star"])
        assert chosen["tag"] == "bls" and chosen["cut"]["label"] == "blue loop star"
        assert chosen["cut"]["threshold"] == 0.4 and chosen["cut"]["features"][0] == "wstd"
    own = table.assign(**{"blue loop star": table["RR Lyrae"]})
    data = Dataset.from_table(own, chosen["tag"], dmdt=False, **chosen["cut"])
    assert (data.tag, data.label, data.y.sum()) == ("bls", "blue loop star", (table["RR Lyrae"] > 0.4).sum())
    strict = write("training.classes.rrlyr_strict", ENTRY)
    assert run_settings("rrlyr_strict", strict)["cut"]["label"] == "RR Lyrae"
    assert run_settings("RR Lyrae", strict)["tag"] == "rrlyr"
    with pytest.raises(ValueError, match="unknown tag 'blue loop star'"):
        run_settings("blue loop star", write())


def test_models_take_the_settings(write, table):
    chosen = run_settings("rrlyr", write())
    network = models.dnn(**chosen["dnn"])
    assert (network.learning_rate, network.batch_size, network.scaler) == (0.001, 16, "min_max")
    assert network.optimizer_params == {"amsgrad": True, "epsilon": 2e-8}
    trees = models.xgb(**chosen["xgb"]).estimator.get_params()
    names = ("max_depth", "subsample", "learning_rate", "early_stopping_rounds", "n_estimators")
    assert [trees[n] for n in names] == [3, 0.6, 0.3, 7, 55]
    data = Dataset.from_table(table, "rrlyr", dmdt=False, **chosen["cut"])
    assert list(data.X)[:4] == ["wstd", "skew", "f1_power_ECE", "period_ECE"]


def test_branches_and_short_forms_are_understood(write):
    path = write("training.dnn", {"conv_branch": False, "epochs": 7})
    assert (
        run_settings("rrlyr", path)["dnn"] | {"branches": ["dense"], "epochs": 7} == run_settings("rrlyr", path)["dnn"]
    )
    path = write("training.classes.rrlyr.conv_branch", False)
    assert models.dnn(**run_settings("rrlyr", path)["dnn"]).build_params == {"branches": ["dense"]}
    path = write("features.mine", {"wstd": True, "skew": False, "iqr": None})
    assert run_settings("rrlyr", path)["cut"]["features"] == ["wstd", "iqr"]
    path = write("training.xgboost.gridsearch_params_start_stop_step.max_depth", 5)
    assert run_settings("rrlyr", path)["xgb"]["max_depth"] == 5


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("training.classes.rrlry", ENTRY, "class .* 'rrlry'; did you mean 'rrlyr'"),
        ("training.classes.RRab", {"label": "other"}, "class .* 'RRab'; did you mean 'rrab'"),
        ("training.classes.bls", {"threshold": 0.5}, "class 'bls' has no label, the column of the table"),
        ("training.classes.rrlyr.treshold", 0.7, "'treshold'; did you mean 'threshold'"),
        ("training.classes.rrlyr.label", None, "class 'rrlyr' has no label"),
        ("training.classes.rrlyr.threshold", 1.5, "threshold of class 'rrlyr' is 1.5"),
        ("training.classes.rrlyr.threshold", "0.7", "threshold of class 'rrlyr' is '0.7', which is no number"),
        ("training.classes.rrlyr.balance", -1, "balance of class 'rrlyr' is -1"),
        ("training.classes.rrlyr.lr", "3e-4", r"'3e-4', which is no number; YAML wants a dot in it"),
        ("training.classes.rrlyr.epochs", 0, "epochs of class 'rrlyr' is 0, which is out of range"),
        ("training.classes.rrlyr.batch_size", "many", "'many', which is no number"),
        ("training.classes.rrlyr.weight_per_class", "maybe", "weight_per_class .*'maybe' is neither true nor false"),
        ("training.classes.rrlyr.features", "ontologcal", "'ontologcal'; did you mean 'ontological'"),
        ("training.clases", {}, "'clases'; did you mean 'classes'"),
        ("training.classes.rrlyr.optimizer", "sgd", "optimizer of class 'rrlyr' is 'sgd'.*with 'adam' only"),
        ("training.dnn.conv_brnch", True, "key of 'training.dnn' 'conv_brnch'; did you mean 'conv_branch'"),
        ("training.dnn", {"dense_branch": False, "conv_branch": "no"}, "neither dense_branch nor conv_branch"),
        ("training.xgboost.other_training_params.eta_list", [], r"eta_list of 'training.xgboost' is \[\]"),
        ("training.xgboost.gridsearch_params_start_stop_step.max_depth", None, "max_depth .* is None"),
        ("training.xgboost.gridsearch_params_start_stop_step.subsample", [0.6], "6 stands for 0.6"),
        ("features.info", ["ECE"], "features.info must be names and values"),
        ("training.xgboost.other_training_params.etta", 1, "'etta'; did you mean 'eta'"),
        ("features.info.period_suffix", "ELSS", "'ELSS'; did you mean 'ELS'"),
        ("training.classes", ["rrlyr"], "must be names and values"),
        ("training.dataset", 5, "dataset of 'training' is 5, which is no text"),
        ("training.classes.rrlyr.features", ["wstd"], r"features of class 'rrlyr' is \['wstd'\], which is no text"),
        ("training.classes.rrlyr.label", 7, "label of class 'rrlyr' is 7, which is no text"),
        ("training.classes.rrlyr.scale_features", {"a": 1}, "scale_features of class 'rrlyr' .* no text"),
        ("training.classes.rrlyr.epochs", float("inf"), "epochs of class 'rrlyr' is inf, which is out of range"),
        ("training.classes.rrlyr.lr", 10**400, "lr of class 'rrlyr' .* out of range"),
        ("training.classes.rrlyr.weight_per_class", [1], "weight_per_class .* neither true nor false"),
        ("training.classes.rrlyr.loss", float("nan"), "loss .* 'binary_crossentropy' only"),
        ("training.xgboost.other_training_params.num_boost_round", "many", "num_boost_round .* no number"),
        ("training.xgboost.gridsearch_params_start_stop_step.subsample", 10**400, "subsample .* out of range"),
        ("features.mine", 5, "config.yaml: features.mine must be a list of columns, but is int"),
        ("features.mine", [["wstd"]], "features.mine is no name of a column"),
        ("features.mine.wstd", "x", "config.yaml: include of 'wstd' of features.mine is wrong: 'x'"),
    ],
)
def test_mistakes_are_named(write, place, value, message):
    with pytest.raises(ValueError, match=message):
        run_settings("rrlyr", write(place, value))


def test_a_setting_that_is_none_is_named():
    with pytest.raises(ValueError, match="unknown setting of a run 'treshold'; did you mean 'threshold'"):
        run_settings("vnv", treshold=0.5)


def test_keys_without_effect_are_accepted(write):
    alone = run_settings("rrlyr", write())
    for section, place in (("network", "training.classes.rrlyr"), ("plot_params", "training.xgboost.plot_params")):
        for key, rule in config_keys()[section].items():
            if not rule:
                assert run_settings("rrlyr", write(f"{place}.{key}", [1])) == alone
    kinds = {rule.get("kind", "value") for keys in config_keys().values() for rule in keys.values()}
    assert kinds == {"value", "text", "switch", "number", "count", "decimal", "range"}


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        run_settings("vnv", tmp_path / "config.yaml")
    for text, message in (("a: [", "is not YAML"), ("kowalski: 1", "neither a section"), ("- 1", "names and values")):
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            run_settings("vnv", tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text("training: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is not YAML"):
        run_settings("vnv", tmp_path / "config.yaml")
