"""Keras networks as scikit-learn classifiers. Keras is imported when one is trained or loaded, not before."""

import inspect
import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..dataset.columns import curve_block, listed, match_columns, record_columns, split_columns
from .calibration import Calibrated, ProbabilityClassifier
from .fitting import training_rows
from .networks import network_input
from .preprocessing import fit_preprocessor
from .saving import load_model

MOST_STEPS = 32  # batches that TensorFlow takes without coming back to Python: less of its time at each


class KerasClassifier(ProbabilityClassifier):
    """A Keras network as a scikit-learn classifier.

    Columns of `X` called `dmdt_ROW_COLUMN` are folded into an image, and those of a light curve
    (`dataset.columns.sequences`) into a sequence; all others are features, imputed and scaled, once, before training.
    What imputer and scaler (`preprocessor_`) learn comes from the training rows alone. `network_` is the trained
    `keras.Model`, and `history_` a DataFrame of `loss`, `val_loss` and `learning_rate` by epoch.

    Parameters
    ----------
    build : callable
        `build(shapes, **build_params)` returns a `keras.Model` that ends in one sigmoid unit, or for more than two
        classes in a softmax unit for each; where it has a parameter `n_classes`, it is given their number. `shapes` is
        `{"features": (F,), "dmdt": (26, 26, 1), "curve": (steps, 5)}`, without what `X` has no columns of; a curve is
        what `networks.network_input` makes of it. Inputs of the network are `keras.Input` of these names, or some of
        them. A model that is already compiled keeps its loss and optimizer; its targets are 0 and 1, or of more than
        two classes their numbers from 0 (loss "sparse_categorical_crossentropy").
    scaler : {"quantile", "robust", "min_max", "median_std"} or transformer
        `"quantile"`: the rank among the training rows, standardised. `"robust"`: median 0, quartile range as of a
        normal distribution, then the inverse hyperbolic sine. Statistics such as `skew` reach a million in real data;
        with `"min_max"` (SCoPe's) or `"median_std"` one such star flattens the feature for all others.
    impute, add_indicator : {"median", "scope"}, bool
        How gaps are filled: by the median of the training rows, or SCoPe's way (`ScopeImputer`); and whether to append
        a 0/1 input for each feature that has gaps in the training rows.
    epochs, batch_size, learning_rate, optimizer_params
        The most epochs, rows per step, initial step size of `keras.optimizers.Adam`, and further arguments of it.
    patience, lr_patience, validation_fraction
        Epochs without a better validation loss before training stops (and the best weights are restored), and before
        the learning rate is divided by ten; share of the rows that `fit` holds out for this where it gets no
        `eval_set`, stratified by class and not by star.
    start_from : path-like, optional
        Folder of a saved model of the same layers and columns: training goes on from its weights, with the imputer
        and scaler that it learned.
    seed, verbose : int
        The seed is that of the held-out rows and, by `keras.utils.set_random_seed`, of the *global* generators of
        Python, NumPy and TensorFlow: on one machine it gives the same network again. 1 shows a progress bar.
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
        if len(self.classes_) < 2:
            raise ValueError(f"KerasClassifier needs at least two classes in y, but got {self.classes_.tolist()}")
        if not eval_set and not self.validation_fraction:
            raise ValueError("early stopping needs an eval_set, or a validation_fraction above 0")
        start = None if self.start_from is None else self._load_start()
        fraction = 0 if eval_set else self.validation_fraction
        (X, y, weight), held_out = training_rows(X, y, sample_weight, fraction, self.seed)
        X_val, y_val, weight_val = held_out or (*eval_set[-1], None)
        target, target_val = (self._target(labels) for labels in (y, y_val))
        settings = self.scaler, self.impute, self.add_indicator
        self.preprocessor_ = start.preprocessor_ if start else fit_preprocessor(X, *settings)
        keras.utils.set_random_seed(self.seed)
        self.network_ = self._build_network(X, start)
        callbacks = [
            keras.callbacks.EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=self.lr_patience),
        ]
        if self.verbose:
            from tqdm.keras import TqdmCallback

            callbacks.append(TqdmCallback(verbose=0))
        history = self.network_.fit(
            self._network_inputs(X),
            target,
            sample_weight=weight,
            validation_data=(self._network_inputs(X_val), target_val, weight_val),
            validation_batch_size=1024,
            batch_size=self.batch_size,
            epochs=self.epochs,
            callbacks=callbacks,
            verbose=0,
        )
        self.history_ = pd.DataFrame(history.history, index=pd.Index(np.add(history.epoch, 1), name="epoch"))
        return self

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, number of classes)."""
        check_is_fitted(self, "network_")
        p = self.network_.predict(self._network_inputs(X), batch_size=1024, verbose=0).astype(float)
        if len(self.classes_) > 2:
            return p / p.sum(axis=1, keepdims=True)
        return np.column_stack([1 - p[:, 0], p[:, 0]])

    def _target(self, labels):
        """Return what the network learns of labels: 0 and 1, of more than two classes their numbers."""
        labels = np.asarray(labels)
        if missing := sorted(set(labels) - set(self.classes_)):
            raise ValueError(f"the validation part has classes that the training part lacks: {missing}")
        return np.searchsorted(self.classes_, labels).astype(np.float32 if len(self.classes_) == 2 else np.int32)

    def _load_start(self):
        """Return the saved `KerasClassifier` to go on from, if it was fitted on the same columns."""
        saved = load_model(self.start_from)
        saved = saved.model if isinstance(saved, Calibrated) else saved
        if not isinstance(saved, KerasClassifier):
            name = type(saved).__name__
            raise ValueError(f"{self.start_from} holds a {name}; training can only go on from a network")
        before, now = (list(getattr(m, "feature_names_in_", range(m.n_features_in_))) for m in (saved, self))
        if before != now:
            gone = listed([name for name in before if name not in now]) or "none"
            new = listed([name for name in now if name not in before]) or "none"
            columns = f"it was fitted on other columns. Only there: {gone}; only here: {new}"
            raise ValueError(f"training cannot go on from {self.start_from}: {columns}")
        return saved

    def _build_network(self, X, start):
        """Return the compiled network, with the weights of the saved classifier `start` if there is one."""
        import keras

        if not callable(self.build):
            reason = f"build is {self.build!r}, not a function (a loaded model only keeps its name)"
            raise TypeError(f"{reason}: call set_params(build=your_function) before fit")
        shapes = {name: values.shape[1:] for name, values in self._inputs(X[:1]).items()}
        params, n_classes = dict(self.build_params or {}), len(self.classes_)
        if "n_classes" in inspect.signature(self.build).parameters:
            params["n_classes"] = n_classes
        network = self.build(shapes, **params)
        loss = "binary_crossentropy" if n_classes == 2 else "sparse_categorical_crossentropy"
        for output in getattr(network, "outputs", None) or []:  # which a subclassed model lacks
            if output.shape[-1] != (1 if n_classes == 2 else n_classes):
                end = '1, activation="sigmoid"' if n_classes == 2 else f'{n_classes}, activation="softmax"'
                text = f"the network ends in {output.shape[-1]} units, but there are {n_classes} classes"
                raise ValueError(f"{text}: end it in keras.layers.Dense({end})")
        if not network.compiled:
            optimizer = keras.optimizers.Adam(self.learning_rate, **(self.optimizer_params or {}))
            steps = min(-(-len(X) // self.batch_size), MOST_STEPS)
            # XLA makes the convolutions some twenty times slower on a CPU.
            network.compile(optimizer, loss, jit_compile=False, steps_per_execution=steps)
        if start:
            weights = start.network_.get_weights()
            shapes = [values.shape for values in weights]
            if shapes != [values.shape for values in network.get_weights()]:
                layers = f"its network has other layers, with weights {shapes}"
                raise ValueError(f"training cannot go on from {self.start_from}: {layers}")
            network.set_weights(weights)
        return network

    def _inputs(self, X):
        """Return what the columns of `X` have for a network, by name: features, dmdt, curve."""
        features, dmdt = split_columns(X)
        curve = curve_block(X)
        features = None if self.preprocessor_ is None else self.preprocessor_.transform(features).astype(np.float32)
        inputs = {"features": features, "dmdt": dmdt, "curve": None if curve is None else network_input(curve)}
        return {name: values for name, values in inputs.items() if values is not None}

    def _network_inputs(self, X):
        """Return those inputs that the network asks for by name, in the structure it was built with."""
        import keras

        inputs = self._inputs(match_columns(self, X))
        tensors = getattr(self.network_, "inputs", None)
        if tensors is None:  # a subclassed model picks what it needs
            return inputs
        if missing := [tensor.name for tensor in tensors if tensor.name not in inputs]:
            example = 'name them, as in keras.Input(shapes["features"], name="features")'
            raise ValueError(f"the network has inputs {missing}, but X offers {list(inputs)}: {example}")
        structure = tensors[0] if isinstance(self.network_, keras.Sequential) else self.network_.input
        return keras.tree.map_structure(lambda tensor: inputs[tensor.name], structure)

    def __getstate__(self):
        """Return the state with the network as the bytes of a `.keras` archive."""
        state = super().__getstate__().copy()
        state["start_from"] = None if self.start_from is None else str(self.start_from)
        if "network_" in state:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.keras"
                self.network_.save(path)
                state["network_"] = path.read_bytes()
            state["history_"] = {"epoch": self.history_.index.tolist(), **self.history_.to_dict("list")}
        return state

    def __setstate__(self, state):
        """Read the network back, without its optimizer; code inside the archive is refused."""
        state = dict(state)
        if "network_" in state:
            keras = load_keras()
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.keras"
                path.write_bytes(state["network_"])
                state["network_"] = keras.saving.load_model(path, compile=False, safe_mode=True)
            state["history_"] = pd.DataFrame(state["history_"]).set_index("epoch")
        super().__setstate__(state)


def load_keras():
    """Import Keras on TensorFlow without the notes on this machine's hardware that TensorFlow prints at every start.

    They bypass Python and the log level, so the error stream itself is closed meanwhile. Exceptions still come;
    everything does where `TF_CPP_MIN_LOG_LEVEL` is set.
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
