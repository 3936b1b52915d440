"""Networks of the kit: functions that build an uncompiled Keras model for inputs of given shapes.

Keras is imported when a network is built, never when this module is.
"""

import numpy as np

BRANCHES = {"dense": "features", "conv": "dmdt"}  # a branch, and what it looks at
SHORTEST = 1e-3  # days; epochs closer than this are as good as simultaneous
PALE, FAINT = 0.1, 0.05  # magnitudes: where large deviations begin, and a usual error


def scope_network(
    shapes, dense=(256, 32), filters=(16, 32), dropout=0.25, joint=16, joint_dropout=0.4, branches=tuple(BRANCHES)
):
    """SCoPe's network, layer for layer: dense on the features, separable convolutions on dmdt if there is one.

    `branches` leaves one of the two out, "dense" or "conv".
    """
    from keras import layers
    from keras.layers import Dropout, SeparableConv2D

    inputs = _inputs(shapes, [BRANCHES[name] for name in branches])
    ends = _dense(inputs, dense, dropout)
    if "dmdt" in inputs:
        x = inputs["dmdt"]
        for block, n in enumerate(filters):
            x = layers.MaxPooling2D()(x) if block else x
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = Dropout(dropout)(x)
        ends.append(layers.GlobalAveragePooling2D()(x))
    return _joined(inputs, ends, joint, joint_dropout)


def strided_network(
    shapes, dense=(256, 32), filters=(16, 32), dropout=0.25, joint=16, joint_dropout=0.4, branches=tuple(BRANCHES)
):
    """SCoPe's network made quick: the first convolution on dmdt takes every second cell, and none is separable.

    A separable convolution has fewer weights, but on a processor it is no faster than a plain one, and most of the
    time went into the large maps of the first block and the random numbers of their dropout, which here comes after the
    pooling.
    """
    from keras.layers import Conv2D, Dropout, GlobalAveragePooling2D, MaxPooling2D

    inputs = _inputs(shapes, [BRANCHES[name] for name in branches])
    ends = _dense(inputs, dense, dropout)
    if "dmdt" in inputs:
        x = Conv2D(filters[0], 3, strides=2, activation="relu")(inputs["dmdt"])
        x = Conv2D(filters[0], 3, activation="relu")(x)
        for n in filters[1:]:
            x = Dropout(dropout)(MaxPooling2D()(x))
            x = Conv2D(n, 3, activation="relu")(x)
        ends.append(GlobalAveragePooling2D()(Dropout(dropout)(x)))
    return _joined(inputs, ends, joint, joint_dropout)


def rnn_network(shapes, units=32, patch=4, dense=(256, 32), dropout=0.25, joint=16, joint_dropout=0.4):
    """A recurrent network on the light curve, or on dmdt as a sequence where there is none; and dense on the features.

    A linear filter turns every `patch` epochs into one step, and gated recurrent units (Cho et al. 2014, EMNLP, 1724)
    read the steps from both ends; steps without any epoch are skipped. Of dmdt the 26 time differences are the steps.
    """
    from keras.layers import GRU, Bidirectional, Conv1D, Dropout, MaxPooling1D, Permute, Reshape

    if not {"curve", "dmdt"} & set(shapes):
        raise ValueError("a recurrent network needs light curves (`Dataset.read(light_curves=)`) or dmdt in X")
    sequence = "curve" if "curve" in shapes else "dmdt"
    inputs = _inputs(shapes, ("features", sequence))
    branches = _dense(inputs, dense, dropout)
    if "curve" in inputs:
        x = inputs["curve"]
        mask = MaxPooling1D(patch, padding="same")(x)[:, :, -1] > 0  # the last channel tells where epochs are
        x = Conv1D(units, patch, strides=patch, padding="same", activation="relu")(x)
        branches.append(Dropout(dropout)(Bidirectional(GRU(units))(x, mask=mask)))
    else:
        rows, steps, _ = shapes["dmdt"]
        x = Reshape((steps, rows))(Permute((2, 1, 3))(inputs["dmdt"]))
        branches.append(Dropout(dropout)(Bidirectional(GRU(units))(x)))
    return _joined(inputs, branches, joint, joint_dropout)


def _inputs(shapes, names):
    """Return the inputs of a network by name."""
    import keras

    if not set(names) & set(shapes):
        raise ValueError(f"the network looks at {' and '.join(names)}, but X has {' and '.join(shapes) or 'nothing'}")
    return {name: keras.Input(shapes[name], name=name) for name in names if name in shapes}


def _dense(inputs, dense, dropout):
    """Return the branch of the features in a list, empty where there are none."""
    from keras.layers import Dense, Dropout

    if "features" not in inputs:
        return []
    x = Dense(dense[0], activation="relu")(inputs["features"])
    return [Dense(dense[1], activation="relu")(Dropout(dropout)(x))]


def _joined(inputs, branches, joint, joint_dropout):
    """Join the branches and end in one probability."""
    import keras
    from keras.layers import Concatenate, Dense, Dropout

    x = Concatenate()(branches) if len(branches) > 1 else branches[0]
    x = Dense(joint, activation="relu")(Dropout(joint_dropout)(x))
    return keras.Model(inputs, Dense(1, activation="sigmoid")(x))


def network_input(block):
    """Return what a network reads of light curves: channels of order one, and where epochs are.

    Nothing is learned here: logarithms of time difference and error, and the inverse hyperbolic sine of the deviation,
    which is nearly linear up to 0.1 magnitudes.

    Parameters
    ----------
    block : numpy.ndarray of float32, shape (n, steps, 4)
        As `columns.curve_block` returns it.

    Returns
    -------
    numpy.ndarray of float32, shape (n, steps, 5)
        The last channel is 1 where there is an epoch; else all channels are 0.
    """
    dt, mag, err, band = np.moveaxis(block, -1, 0)
    with np.errstate(invalid="ignore"):
        channels = [np.log10(np.maximum(dt, SHORTEST)), np.arcsinh(mag / PALE), np.log10(np.maximum(err, 1e-4) / FAINT)]
    real = np.isfinite(block).all(axis=-1)
    values = np.stack([*channels, band, real], axis=-1)
    return np.where(real[..., None], values, 0).astype(np.float32)
