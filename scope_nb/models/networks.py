"""Networks of the kit: functions that import Keras and build an uncompiled model for inputs of given shapes."""

import numpy as np

BRANCHES = {"dense": "features", "conv": "dmdt"}  # a branch, and what it looks at
SHORTEST = 1e-3  # days; epochs closer than this are as good as simultaneous
PALE, FAINT = 0.1, 0.05  # magnitudes: where large deviations begin, and a usual error


def scope_network(
    shapes,
    dense=(256, 32),
    filters=(16, 32),
    dropout=0.25,
    joint=16,
    joint_dropout=0.4,
    branches=tuple(BRANCHES),
    n_classes=2,
):
    """SCoPe's network, layer for layer: dense on the features, separable convolutions on dmdt if there is one.

    `branches` leaves one of the two out, "dense" or "conv".
    """
    from keras.layers import Dropout, GlobalAveragePooling2D, MaxPooling2D, SeparableConv2D

    def convolve(x):
        for block, n in enumerate(filters):
            x = MaxPooling2D()(x) if block else x
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = SeparableConv2D(n, 3, activation="relu")(x)
            x = Dropout(dropout)(x)
        return GlobalAveragePooling2D()(x)

    names = [BRANCHES[name] for name in branches]
    return _network(shapes, names, convolve, dense, dropout, joint, joint_dropout, n_classes)


def strided_network(
    shapes,
    dense=(256, 32),
    filters=(16, 32),
    dropout=0.25,
    joint=16,
    joint_dropout=0.4,
    branches=tuple(BRANCHES),
    n_classes=2,
):
    """SCoPe's network made quick: the first convolution on dmdt takes every second cell, and none is separable.

    On a processor separable convolutions are no faster than plain ones, and most of the time went into the large maps
    of the first block and the random numbers of their dropout, which here comes after the pooling.
    """
    from keras.layers import Conv2D, Dropout, GlobalAveragePooling2D, MaxPooling2D

    def convolve(x):
        x = Conv2D(filters[0], 3, strides=2, activation="relu")(x)
        x = Conv2D(filters[0], 3, activation="relu")(x)
        for n in filters[1:]:
            x = Dropout(dropout)(MaxPooling2D()(x))
            x = Conv2D(n, 3, activation="relu")(x)
        return GlobalAveragePooling2D()(Dropout(dropout)(x))

    names = [BRANCHES[name] for name in branches]
    return _network(shapes, names, convolve, dense, dropout, joint, joint_dropout, n_classes)


def rnn_network(shapes, units=32, patch=4, dense=(256, 32), dropout=0.25, joint=16, joint_dropout=0.4, n_classes=2):
    """A recurrent network on the light curve, or on dmdt as a sequence where there is none; and dense on the features.

    A linear filter turns every `patch` epochs into one step, and gated recurrent units (Cho et al. 2014, EMNLP, 1724)
    read the steps from both ends; steps without any epoch are skipped. Of dmdt the 26 time differences are the steps.
    """
    from keras.layers import GRU, Bidirectional, Conv1D, Dropout, MaxPooling1D, Permute, Reshape

    if not {"curve", "dmdt"} & set(shapes):
        raise ValueError("a recurrent network needs light curves (`Dataset.read(light_curves=)`) or dmdt in X")

    def read_curve(x):
        mask = MaxPooling1D(patch, padding="same")(x)[:, :, -1] > 0  # the last channel tells where epochs are
        x = Conv1D(units, patch, strides=patch, padding="same", activation="relu")(x)
        return Dropout(dropout)(Bidirectional(GRU(units))(x, mask=mask))

    def read_dmdt(x):
        rows, steps, _ = shapes["dmdt"]
        x = Reshape((steps, rows))(Permute((2, 1, 3))(x))
        return Dropout(dropout)(Bidirectional(GRU(units))(x))

    name, read = ("curve", read_curve) if "curve" in shapes else ("dmdt", read_dmdt)
    return _network(shapes, ["features", name], read, dense, dropout, joint, joint_dropout, n_classes)


def _network(shapes, names, read, dense, dropout, joint, joint_dropout, n_classes):
    """Return a network with a dense branch on the features and one that `read` makes of the other input."""
    import keras
    from keras.layers import Concatenate, Dense, Dropout

    if not set(names) & set(shapes):
        raise ValueError(f"the network looks at {' and '.join(names)}, but X has {' and '.join(shapes) or 'nothing'}")
    inputs = {name: keras.Input(shapes[name], name=name) for name in names if name in shapes}
    ends = []
    if "features" in inputs:
        x = Dense(dense[0], activation="relu")(inputs["features"])
        ends.append(Dense(dense[1], activation="relu")(Dropout(dropout)(x)))
    ends += [read(x) for name, x in inputs.items() if name != "features"]
    x = Concatenate()(ends) if len(ends) > 1 else ends[0]
    x = Dense(joint, activation="relu")(Dropout(joint_dropout)(x))
    end = Dense(1, activation="sigmoid") if n_classes == 2 else Dense(n_classes, activation="softmax")
    return keras.Model(inputs, end(x))


def network_input(block):
    """Return what a network reads of light curves: channels of order one, and where epochs are.

    Nothing is learned here: logarithms of time difference and error, and the inverse hyperbolic sine of the deviation,
    which is nearly linear up to 0.1 magnitudes. Of `columns.curve_block` (n, steps, 4) it makes a float32 array (n,
    steps, 5), whose last channel is 1 where there is an epoch; else all channels are 0.
    """
    dt, mag, err, band = np.moveaxis(block, -1, 0)
    with np.errstate(invalid="ignore"):
        channels = [np.log10(np.maximum(dt, SHORTEST)), np.arcsinh(mag / PALE), np.log10(np.maximum(err, 1e-4) / FAINT)]
    real = np.isfinite(block).all(axis=-1)
    values = np.stack([*channels, band, real], axis=-1)
    return np.where(real[..., None], values, 0).astype(np.float32)
