"""What users pass as x, y and sample_weight, made into lists of arrays without copying any."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..utils.text import as_text
from ..utils.tree import LEAF, tree_flatten, tree_unflatten


class LazyRows:
    """Rows `start` to `stop` of something on disk (an h5py dataset), read batch by batch."""

    def __init__(self, dataset, start=0, stop=None):
        self.dataset = dataset
        self.start = start
        self.stop = len(dataset) if stop is None else stop
        self.shape = (self.stop - self.start, *dataset.shape[1:])
        self.dtype = dataset.dtype
        self.ndim = len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Rows of a slice with step 1, or of a sorted index array."""
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            return np.asarray(self.dataset[self.start + first : self.start + max(first, last)])
        return np.asarray(self.dataset[rows + self.start])

    def slice(self, start, stop):
        return LazyRows(self.dataset, self.start + start, self.start + stop)


class Data(NamedTuple):
    """Arrays of one length.

    Attributes:
        xs: one entry per input of the model.
        ys, weights: the arrays among targets and sample weights; `y_spec` and `weight_spec` describe their structures.
    """

    xs: list
    ys: tuple = ()
    weights: tuple = ()
    y_spec: tuple | str | None = None
    weight_spec: tuple | str | None = None

    @property
    def y(self):
        """Targets in the structure they were given in; None without."""
        return tree_unflatten(self.y_spec, self.ys)

    @property
    def weight(self):
        """Sample weights in the structure they were given in; None without."""
        return tree_unflatten(self.weight_spec, self.weights)

    @property
    def arrays(self) -> list:
        """All arrays, in the order of a program's inputs."""
        return [*self.xs, *self.ys, *self.weights]

    @property
    def rows(self) -> int:
        return self.xs[0].shape[0]

    @property
    def lazy(self) -> bool:
        return any(isinstance(a, LazyRows) for a in self.xs)

    def part(self, start: int, stop: int) -> Data:
        """The rows from `start` to `stop`, as views."""
        return self.map(lambda a: a.slice(start, stop) if isinstance(a, LazyRows) else a[start:stop])

    def map(self, function) -> Data:
        """`function` applied to each array."""
        xs, ys, weights = [function(x) for x in self.xs], map(function, self.ys), map(function, self.weights)
        return self._replace(xs=xs, ys=tuple(ys), weights=tuple(weights))


def is_array_like(x) -> bool:
    return (hasattr(x, "shape") and hasattr(x, "dtype")) or hasattr(x, "__array__")


def as_array(value, what: str, text: bool = False):
    """`value` as an array with at least one axis.

    Args:
        text: whether the model takes text here; the array then holds `str` objects.

    Raises:
        ValueError: text, objects, ragged lists, scalars; the message says what to do.
    """
    if type(value).__module__.partition(".")[0] == "h5py" and hasattr(value, "shape"):
        array = LazyRows(value)
    elif isinstance(value, (np.ndarray, LazyRows)):
        array = value
    elif hasattr(value, "iloc") and hasattr(value, "columns"):
        array = _of_table(value, what)
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"`{what}` cannot be made into one array: {error}. All samples must have one shape; pad or crop them."
            ) from error
    if text:
        array = as_text(array[:] if isinstance(array, LazyRows) else array)
    elif array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise ValueError(_dtype_message(array, what))
    if array.ndim == 0:
        raise ValueError(f"`{what}` must have at least one axis, the samples. Received: {what}={value!r}")
    return array


def _of_table(frame, what: str) -> np.ndarray:
    """A pandas DataFrame as an array (rows, columns): of bool and other numbers together, and with missing values as
    NaN, which NumPy alone would make objects of.

    Raises:
        ValueError: a column that does not hold numbers; the message names it.
    """
    if all(isinstance(dtype, np.dtype) and dtype == frame.dtypes.iloc[0] for dtype in frame.dtypes):
        return frame.to_numpy()
    columns = []
    for i, name in enumerate(frame.columns):
        column = frame.iloc[:, i]
        if getattr(column.dtype, "kind", "O") not in "fiub":
            raise ValueError(
                f"Invalid dtype: {column.dtype}. Column {name!r} of `{what}` must hold numbers (float, integer or "
                "bool). Encode it first, for example with pandas.get_dummies()."
            )
        missing = bool(column.isna().any())
        columns.append(column.to_numpy(dtype="float64", na_value=np.nan) if missing else column.to_numpy())
    common = np.result_type(*(np.asarray(c).dtype for c in columns)) if columns else np.dtype("float32")
    return np.stack([np.asarray(c, common) for c in columns], axis=1) if columns else frame.to_numpy()


def _dtype_message(array, what: str) -> str:
    message = f"Invalid dtype: {array.dtype}. `{what}` must hold numbers (float, integer or bool)"
    if array.dtype.kind in "SU":
        return message + (
            "; it holds text. Turn labels into class numbers: np.unique(labels, return_inverse=True)[1]"
            if what.endswith("y")
            else f"; it holds text. If the text is numbers, use {what}.astype('float32'); otherwise encode it first"
        )
    if array.dtype.kind == "O":
        shapes = {np.shape(item) for item in array.ravel()[:100]}
        if len(shapes) > 1:
            return message + "; its samples have different shapes: pad or crop them to one shape"
        return message + f"; it holds Python objects. Use {what}.astype('float32'), or np.stack for a list of arrays"
    return message + f"; convert it with {what}.astype('float32')"


def flat_inputs(model, x) -> list:
    """`x` as a list with one array per input of the model (one if the model does not know its inputs yet)."""
    names = model.input_names
    text = {i for i, (_, dtype) in enumerate(model.input_types) if dtype == "string"}
    if isinstance(x, dict):
        missing = [name for name in names if name not in x]
        if missing:
            raise ValueError(
                f'Missing data for input "{missing[0]}". You passed a data dictionary with keys {list(x)}. '
                f"Expected the following keys: {names}"
            )
        _record_input_structure(model, x)
        chosen = names or sorted(x)
        return [as_array(x[name], name, i in text) for i, name in enumerate(chosen)]
    if isinstance(x, (list, tuple)):
        arrays = len(x) > 0 and all(is_array_like(item) and np.ndim(item) > 0 for item in x)
        if len(names) > 1 or (not names and arrays and not model.takes_one_input):
            if names and len(x) != len(names):
                raise ValueError(
                    f'Layer "{model.name}" expects {len(names)} input(s) ({names}), but it received {len(x)} arrays.'
                )
            _record_input_structure(model, x)
            return [as_array(item, f"x[{i}]", i in text) for i, item in enumerate(x)]
        if arrays and len(x) == 1 and (not names or np.ndim(x[0]) >= len(model.input_types[0][0])):
            return [as_array(x[0], "x", 0 in text)]
    _record_input_structure(model, None)
    return [as_array(x, "x", 0 in text)]


def _record_input_structure(model, x) -> None:
    """For a model whose code says what it computes: its `call` gets what the user passed."""
    if not model.input_names:
        spec = tree_flatten(x)[1]
        if spec != model._free_input_spec:
            model.__dict__["_free_input_spec"] = spec


def fit_to_inputs(model, xs: list) -> list:
    """`xs` with a last axis of length 1 added or dropped where the model's inputs are like that.

    Raises:
        ValueError: samples of another shape than the model takes; the message names the likely fix.
    """
    types = model.input_types
    if not types:
        return xs
    if len(types) != len(xs):
        raise ValueError(f'Layer "{model.name}" expects {len(types)} input(s), but it received {len(xs)} arrays.')
    return [_fit(model, i, x, shape) for i, (x, (shape, _)) in enumerate(zip(xs, types, strict=True))]


def _fit(model, index: int, x, want: tuple):
    if x.ndim == len(want) + 1 and x.shape[-1] == 1 and not isinstance(x, LazyRows):
        x = x[..., 0]
    elif x.ndim == len(want) - 1 and want[-1] == 1 and not isinstance(x, LazyRows):
        x = x[..., None]
    have = x.shape
    if len(have) == len(want) and all(w in (None, h) for w, h in zip(want[1:], have[1:], strict=True)):
        return x
    raise ValueError(
        f"Input {index} with name '{model.input_names[index]}' of layer '{model.name}' is incompatible with the layer: "
        f"expected shape={want}, found shape={have}.{_shape_hint(have, want)}"
    )


def _shape_hint(have: tuple, want: tuple) -> str:
    sample = want[1:]
    if have == sample or (len(have) == len(sample) and all(w in (None, h) for w, h in zip(sample, have, strict=True))):
        return " This looks like one sample without the batch axis: pass x[None]."
    if None not in sample and math.prod(have[1:]) == math.prod(sample):
        return f" The samples have the right number of values: pass x.reshape({(-1, *sample)}), or put Flatten or " + (
            f"Reshape({sample}) at the start of the model."
        )
    if len(have) == 2 and len(want) == 2:
        return f" The model was built for {want[1]} features per sample and the data have {have[1]}."
    return ""


def make_data(model, x, y=None, sample_weight=None, may_be_empty=False) -> Data:
    """Arrays as `Data`, checked for type, length and the shape of the model's inputs."""
    xs = flat_inputs(model, x)
    y_spec, ys = _target_arrays(model, y, len(xs[0]), "y")
    weight_spec, weights = _target_arrays(model, sample_weight, len(xs[0]), "sample_weight")
    data = Data(xs, ys, weights, y_spec, weight_spec)
    check_lengths(data, may_be_empty)
    return data._replace(xs=model.encode_inputs(fit_to_inputs(model, xs)))


def _target_arrays(model, value, rows: int, what: str) -> tuple:
    """(spec, arrays) of targets or sample weights, one array or a structure of them."""
    n = model.output_count
    if isinstance(value, dict) and n == 1 and len(value) != 1:
        raise ValueError(f"Model '{model.name}' has one output, but `{what}` is a dict with the keys {list(value)}.")
    if not _is_structure(value, n, rows):
        leaves, spec = ([], None) if value is None else ([value], LEAF)
    elif n == 1 and len(value) == 1:  # the only entry, whatever it is in
        leaves, spec = list(value.values() if isinstance(value, dict) else value), LEAF
    else:
        leaves, spec = _flatten_arrays(value)
    arrays = [as_array(leaf, what) for leaf in leaves]
    return spec, tuple([a[:] if isinstance(a, LazyRows) else a for a in arrays])


def _is_structure(value, n: int | None, rows: int) -> bool:
    """Whether a list of targets is one per output, not the rows of one array."""
    if isinstance(value, dict):
        return True
    if not isinstance(value, (list, tuple)) or not value:
        return False
    if n is not None and n > 1:
        return any(item is not None and np.ndim(item) > 0 for item in value)
    arrays = all(is_array_like(item) and np.ndim(item) > 0 for item in value)
    if n == 1:
        return arrays and len(value) == 1
    return arrays and len(value) != rows and all(len(item) == rows for item in value)


def _flatten_arrays(value) -> tuple:
    """As `tree_flatten`, where lists of numbers are arrays."""

    def convert(x):
        if isinstance(x, dict):
            return {key: convert(item) for key, item in x.items()}
        if isinstance(x, (list, tuple)):
            if all(is_array_like(item) or item is None or isinstance(item, (list, tuple, dict)) for item in x):
                inner = [convert(item) for item in x]
                return inner if isinstance(x, list) else tuple(inner)
            return np.asarray(x)
        return x

    return tree_flatten(convert(value))


def check_lengths(data: Data, may_be_empty: bool = False) -> None:
    """ValueError when x, y and sample_weight differ in length or, unless they may be, are empty."""
    groups = {"x": data.xs, "y": data.ys, "sample_weight": data.weights}
    sizes = {name: [a.shape[0] for a in arrays] for name, arrays in groups.items()}
    if len({n for group in sizes.values() for n in group}) > 1:
        lines = "".join(f"'{name}' sizes: {', '.join(map(str, group))}\n" for name, group in sizes.items() if group)
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples." + lines
        )
    if data.rows == 0 and not may_be_empty:
        raise ValueError(
            f"`x` is empty: its shape is {data.xs[0].shape}, and at least one sample is needed. Check how it was "
            "loaded or split."
        )


def unpack(batch) -> tuple:
    """(x, y, sample_weight) of `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""
    if not isinstance(batch, (tuple, list)):
        return batch, None, None
    if 1 <= len(batch) <= 3:
        return (*batch, *[None] * (3 - len(batch)))
    raise ValueError(
        "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`. Received a "
        f"{type(batch).__name__} of length {len(batch)}: {[type(item).__name__ for item in batch]}"
    )


def has_no_rows(x) -> bool:
    """Whether `x` is arrays for no sample at all."""
    if not is_structure_of_arrays(x):
        return False
    leaves = list(x.values()) if isinstance(x, dict) else list(x) if isinstance(x, (list, tuple)) else [x]
    return bool(leaves) and all(tuple(getattr(leaf, "shape", ()))[:1] == (0,) for leaf in leaves)


def is_structure_of_arrays(x) -> bool:
    """Whether `x` is arrays (or lists of numbers) rather than something that yields batches."""
    return isinstance(x, (list, tuple, dict)) or is_array_like(x)
