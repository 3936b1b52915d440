"""Keras networks with the interface of a scikit-learn classifier.

Keras is imported when a network is trained or loaded, never when this module is.
"""

import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..dataset.columns import curve_block, is_feature, listed, match_columns, record_columns, split_columns
from .calibration import Calibrated
from .fitting import training_rows
from .networks import network_input
from .preprocessing import make_preprocessor
from .saving import load_model

MOST_STEPS = 32  # batches that TensorFlow takes without coming back to Python: less of its time at each


class KerasClassifier(ClassifierMixin, BaseEstimator):
    """A Keras network as a binary scikit-learn classifier.

    Columns of `X` called `dmdt_ROW_COLUMN` are folded into an image, and those of a light curve
    (`dataset.columns.sequences`) into a sequence; all others are features, imputed and scaled, once, before training.
    What imputer and scaler learn comes from the training rows alone.

    Parameters
    ----------
    build : callable
        `build(shapes, **build_params)` returns a `keras.Model` that ends in one sigmoid unit. `shapes`
        is `{"features": (F,), "dmdt": (26, 26, 1), "curve": (steps, 5)}`, without `dmdt` or `curve` if `X` has no
        such columns (`networks.network_input` says what a curve holds). Inputs of the network are `keras.Input` of
        these names, or some of them. A model that is already compiled keeps its loss and optimizer.
    build_params : dict, optional
    scaler : {"quantile", "robust", "min_max", "median_std"} or transformer
        `"quantile"`: the rank among the training rows, standardised. `"robust"`: median 0, quartile range
        as of a normal distribution, then the inverse hyperbolic sine. Statistics such as `skew` reach a
        million in real data; with `"min_max"` (SCoPe's) or `"median_std"` one such star flattens the
        feature for all others.
    impute : {"median", "scope"}
        How missing values are filled: the median of the training rows, or SCoPe's way (`ScopeImputer`).
    add_indicator : bool
        Append a 0/1 input for each feature that has missing values in the training rows.
    epochs, batch_size, learning_rate, optimizer_params
        The most epochs, rows per step, initial step size of `keras.optimizers.Adam`, and further arguments of it.
    patience, lr_patience : int
        Epochs without a better validation loss before training stops (and the best weights are restored), and
        before the learning rate is divided by ten.
    validation_fraction : float
        Share of the rows that `fit` holds out for this, stratified by class and not by star, without `eval_set`.
    start_from : path-like, optional
        Folder of a saved model of the same layers and columns: training goes on from its weights, with the imputer
        and scaler that it learned.
    seed : int
        Seeds the held-out rows and, by `keras.utils.set_random_seed`, the *global* generators of Python,
        NumPy and TensorFlow. On one machine the same seed gives the same network.
    verbose : {0, 1}
        1 shows a progress bar.

    Attributes
    ----------
    network_ : keras.Model
    preprocessor_ : sklearn.pipeline.Pipeline, or None where `X` has no features
    history_ : pandas.DataFrame
        One row per epoch: `loss`, `val_loss`, `learning_rate`.
    classes_, n_features_in_, feature_names_in_
    """

    def __init__(
        self,
        build,
        *,
        build_params=None,
        scaler="quantile",
        impute="median",
        add_indicator=False,
        epochs=100,
        batch_size=64,
        learning_rate=3e-4,
        optimizer_params=None,
        patience=20,
        lr_patience=10,
        validation_fraction=0.1,
        start_from=None,
        seed=42,
        verbose=0,
    ):
        self.build = build
        self.build_params = build_params
        self.scaler = scaler
        self.impute = impute
        self.add_indicator = add_indicator
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer_params = optimizer_params
        self.patience = patience
        self.lr_patience = lr_patience
        self.validation_fraction = validation_fraction
        self.start_from = start_from
        self.seed = seed
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, eval_set=None):
        """Train until the loss on the last pair of `eval_set` (or on held-out rows) stops falling."""
        keras = load_keras()
        record_columns(self, X)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(f"KerasClassifier needs two classes in y, but got {self.classes_.tolist()}")
        if not eval_set and not self.validation_fraction:
            raise ValueError("early stopping needs an eval_set, or a validation_fraction above 0")
        fraction = 0 if eval_set else self.validation_fraction
        start = None if self.start_from is None else saved_network(self.start_from, self)
        (X, y, weight), held_out = training_rows(X, y, sample_weight, fraction, self.seed)
        X_val, y_val, weight_val = held_out or (*eval_set[-1], None)

        self.preprocessor_ = start.preprocessor_ if start else self._fitted_preprocessor(X)
        keras.utils.set_random_seed(self.seed)
        inputs = self._inputs(X)
        self.network_ = self._compiled({name: values.shape[1:] for name, values in inputs.items()}, len(y))
        if start:
            copy_weights(start.network_, self.network_, self.start_from)
        callbacks = [
            keras.callbacks.EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=self.lr_patience),
        ]
        history = self.network_.fit(
            arrange_inputs(self.network_, inputs),
            self._target(y),
            sample_weight=weight,
            validation_data=self._validation_data(X_val, y_val, weight_val),
            validation_batch_size=1024,
            batch_size=self.batch_size,
            epochs=self.epochs,
            callbacks=callbacks + ([progress_bar(self.epochs)] if self.verbose else []),
            verbose=0,
        )
        self.history_ = pd.DataFrame(history.history, index=pd.Index(np.add(history.epoch, 1), name="epoch"))
        return self

    def predict_proba(self, X):
        """Return the probabilities of the two classes, shape (n, 2)."""
        check_is_fitted(self, "network_")
        inputs = arrange_inputs(self.network_, self._inputs(match_columns(self, X)))
        p = self.network_.predict(inputs, batch_size=1024, verbose=0)[:, 0].astype(float)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        """Return the more probable class of each row."""
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]

    def _fitted_preprocessor(self, X):
        features, _ = split_columns(X)
        names = [name for name in getattr(X, "columns", range(features.shape[1])) if is_feature(name)]
        if not names:
            return None
        return make_preprocessor(self.scaler, len(features), self.add_indicator, self.impute, names).fit(features)

    def _compiled(self, shapes, n_rows):
        import keras

        if not callable(self.build):
            raise TypeError(
                f"build is {self.build!r}, not a function (a loaded model only keeps its name): "
                "call set_params(build=your_function) before fit"
            )
        network = self.build(shapes, **(self.build_params or {}))
        if not network.compiled:
            optimizer = keras.optimizers.Adam(self.learning_rate, **(self.optimizer_params or {}))
            steps = min(-(-n_rows // self.batch_size), MOST_STEPS)
            # XLA makes the convolutions some twenty times slower on a CPU.
            network.compile(optimizer, "binary_crossentropy", jit_compile=False, steps_per_execution=steps)
        return network

    def _inputs(self, X):
        features, dmdt = split_columns(X)
        curve = curve_block(X)
        learned = self.preprocessor_
        inputs = {} if learned is None else {"features": learned.transform(features).astype(np.float32)}
        inputs |= {} if dmdt is None else {"dmdt": dmdt}
        return inputs if curve is None else inputs | {"curve": network_input(curve)}

    def _target(self, y):
        return (np.asarray(y) == self.classes_[1]).astype(np.float32)

    def _validation_data(self, X, y, weight):
        data = arrange_inputs(self.network_, self._inputs(match_columns(self, X))), self._target(y)
        return data if weight is None else (*data, weight)

    def __getstate__(self):
        state = super().__getstate__().copy()
        state["start_from"] = None if self.start_from is None else str(self.start_from)
        if "network_" in state:
            state["network_"] = to_bytes(self.network_)
            state["history_"] = {"epoch": self.history_.index.tolist(), **self.history_.to_dict("list")}
        return state

    def __setstate__(self, state):
        state = dict(state)
        if "network_" in state:
            state["network_"] = from_bytes(state["network_"])
            state["history_"] = pd.DataFrame(state["history_"]).set_index("epoch")
        super().__setstate__(state)


def saved_network(folder, model):
    """Return the `KerasClassifier` saved in `folder`, or say in which columns it differs from `model`."""
    saved = load_model(folder)
    saved = saved.model if isinstance(saved, Calibrated) else saved
    if not isinstance(saved, KerasClassifier):
        raise ValueError(f"{folder} holds a {type(saved).__name__}; training can only go on from a network")
    names = [list(getattr(m, "feature_names_in_", range(m.n_features_in_))) for m in (saved, model)]
    if names[0] != names[1]:
        alone = [[name for name in names[k] if name not in set(names[1 - k])] for k in (0, 1)]
        raise ValueError(
            f"training cannot go on from {folder}: it was fitted on other columns. Only there: "
            f"{listed(alone[0]) or 'none'}; only here: {listed(alone[1]) or 'none'}"
        )
    return saved


def copy_weights(source, target, folder):
    """Give `target` the weights of `source`, or say that their layers differ."""
    shapes = [[tuple(weight.shape) for weight in network.weights] for network in (source, target)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"training cannot go on from {folder}: its network has other layers, with weights {shapes[0]}")
    target.set_weights(source.get_weights())


def arrange_inputs(network, inputs):
    """Return those of `inputs` that `network` asks for by name, in the structure it was built with."""
    import keras

    tensors = getattr(network, "inputs", None)
    if tensors is None:  # a subclassed model picks what it needs
        return inputs
    names = [tensor.name for tensor in tensors]
    if missing := [name for name in names if name not in inputs]:
        raise ValueError(
            f"the network has inputs {missing}, but X offers {list(inputs)}: "
            'name them, as in keras.Input(shapes["features"], name="features")'
        )
    if isinstance(network, keras.Sequential):
        return inputs[names[0]]
    return keras.tree.map_structure(lambda tensor: inputs[tensor.name], network.input)


def progress_bar(epochs):
    """Return a Keras callback that shows one bar for the whole training."""
    import keras
    from tqdm.auto import tqdm

    class ProgressBar(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.bar = tqdm(total=epochs, unit="epoch")

        def on_epoch_end(self, epoch, logs=None):
            self.bar.set_postfix({name: f"{logs[name]:.4f}" for name in ("loss", "val_loss")}, refresh=False)
            self.bar.update()

        def on_train_end(self, logs=None):
            self.bar.close()

    return ProgressBar()


def to_bytes(network):
    """Return a network as the bytes of a `.keras` archive."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        return path.read_bytes()


def load_keras():
    """Import Keras on TensorFlow without the notes on this machine's hardware that TensorFlow prints at every start.

    They bypass Python and the log level, so the error stream itself is closed meanwhile; exceptions still come. Set
    `TF_CPP_MIN_LOG_LEVEL` to see everything.
    """
    if "keras" not in sys.modules and "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # every new network is traced anew, and it would say so
        errors = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            import keras
        finally:
            os.dup2(errors, 2)
            os.close(errors)
    import keras

    return keras


def from_bytes(archive):
    """Return the network in a `.keras` archive, without its optimizer; code inside the archive is refused."""
    keras = load_keras()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(archive)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
