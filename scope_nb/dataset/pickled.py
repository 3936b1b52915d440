"""What pickles hold, without unpickling them: text, numbers, lists and NumPy arrays. Nothing in them is ever called."""

import io
import math
import pickletools
import re

import numpy as np

PUSHED = {"INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT"}
PUSHED |= {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
PUSHED |= {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
WITHOUT_EFFECT = {"PROTO", "FRAME", "STOP"}
FLOATS = re.compile(rb"(?:G.{8})+", re.DOTALL)  # one after the other, as in dmdt: read at once
FLOAT = np.dtype([("opcode", "S1"), ("value", ">f8")])
NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
OBJECTS = "O8"


class _Made:
    """An object that a pickle makes: the `name` of the function that it would call, the arguments, where it is kept."""

    def __init__(self, name, arguments):
        self.name, self.arguments, self.places = name, arguments, []


class _Name(str):
    """The name of a function or class in a pickle, not the function itself."""


def read_pickle(content):
    """Return the value of a pickle that consists of text, numbers, None, lists, tuples and NumPy arrays of these.

    The pickle is read as data: no class is looked up and no function called. Anything else in it, or one that is
    damaged, is a `ValueError`.
    """
    try:
        return _run(content)
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"the pickled object is damaged: {type(error).__name__}: {error}") from error


def _run(content):
    stream, stack, outer, memo = io.BytesIO(content), [], [], {}
    for opcode, value, position in pickletools.genops(stream):
        name = opcode.name
        if name == "BINFLOAT":
            end = FLOATS.match(content, position).end()
            stack += np.frombuffer(content, FLOAT, (end - position) // 9, position)["value"].tolist()
            stream.seek(end)
        elif name in PUSHED:
            stack.append(value)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name == "MARK":
            outer.append(stack)
            stack = []
        elif name in ("TUPLE", "LIST", "APPENDS"):
            items, stack = stack, outer.pop()
            if name == "APPENDS":
                _as_list(stack[-1]).extend(items)
            else:
                stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in TUPLES:
            count = TUPLES[name]
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "APPEND":
            item = stack.pop()
            _as_list(stack[-1]).append(item)
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            place = len(memo) if name == "MEMOIZE" else value
            memo[place] = stack[-1]
            if isinstance(stack[-1], _Made):
                stack[-1].places.append(place)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            parts = value.split(" ") if name == "GLOBAL" else [stack.pop(-2), stack.pop()]
            stack.append(_Name(".".join(parts)))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_make(stack.pop(), arguments))
        elif name == "BUILD":
            state, made = stack.pop(), stack.pop()
            stack.append(_complete(made, state))
            memo |= dict.fromkeys(made.places, stack[-1])
        elif name not in WITHOUT_EFFECT:
            raise ValueError(f"it holds a pickled object that is neither text, number, list nor array ({name})")
    return stack.pop()


def _as_list(value):
    if type(value) is not list:
        raise ValueError(f"it adds items to {type(value).__name__}, which is no list")
    return value


def _make(name, arguments):
    """Return what a function of that name would return if it is one of those in pickled arrays."""
    plain = str(name).replace("numpy.core.", "numpy._core.") if isinstance(name, _Name) else ""
    if plain in ("numpy.dtype", "numpy._core.multiarray._reconstruct"):
        return _Made(plain, arguments)  # is completed by the state that follows
    if plain == "numpy._core.numeric._frombuffer":
        data, dtype, shape, order = arguments
        return _array(shape, dtype, order == "F", data)
    if plain == "numpy._core.multiarray.scalar":
        dtype, data = arguments
        return _array((), dtype, False, data)[()]
    if plain == "_codecs.encode" and arguments[1:] == ("latin1",):
        return arguments[0].encode("latin1")
    raise ValueError(f"it holds a pickled object that could run code of its own: {name}")


def _complete(made, state):
    """Return the dtype or the array that a pickle makes, from its state."""
    if not isinstance(made, _Made):
        raise ValueError(f"it gives a state to {type(made).__name__}")
    if made.name == "numpy.dtype":
        code, order = made.arguments[0], state[1]
        if code == OBJECTS:
            return np.dtype(object)
        if not NUMBERS.fullmatch(code) or order not in ("<", ">", "|"):
            raise ValueError(f"it holds an array of {code!r}, which are neither numbers nor text")
        return np.dtype(code).newbyteorder(order)
    _, shape, dtype, fortran, data = state
    return _array(shape, dtype, fortran, data)


def _array(shape, dtype, fortran, data):
    if not isinstance(dtype, np.dtype) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("it holds an array of wrong type or shape")
    if dtype.hasobject:
        values, fortran = np.fromiter(_as_list(data), object, len(data)), False  # a list is always row by row
    else:
        values = np.frombuffer(data, dtype)
    if len(values) != math.prod(shape):
        raise ValueError(f"it holds an array of shape {shape}, but {len(values)} values")
    return values.reshape(shape, order="F" if fortran else "C")
