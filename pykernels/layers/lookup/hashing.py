"""Categories without a vocabulary: hashes of them."""

from __future__ import annotations

import numpy as np

from ... import config
from ...utils.string_hash import fingerprint64, fingerprint_of_two
from ...utils.text import as_text, is_text
from ..node import symbolic
from .encoding import encode, encoded_shape, standardize_mode
from .host_layer import HostLayer
from .string_lookup import bucket_of, check_salt

_CROSSING_KEY = 0xDECAFCAFFE  # TensorFlow's


class _Encoded(HostLayer):
    """A host layer that gives indices below `num_bins`, or vectors of them."""

    _modes: tuple[str, ...] = ("int", "one_hot")

    def __init__(self, num_bins, output_mode, sparse, dtype, **kwargs):
        kind = type(self).__name__
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                f"The `num_bins` for `{kind}` cannot be `None` or non-positive values. Received: num_bins={num_bins}."
            )
        output_mode = standardize_mode(kind, output_mode, self._modes)
        if sparse:
            raise ValueError(f"{kind}(sparse=True) is not supported by pykernels; vectors are dense arrays")
        super().__init__(dtype=dtype or ("int64" if output_mode == "int" else config.floatx()), **kwargs)
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ValueError(
                f"When `output_mode='int'`, `dtype` should be an integer type, 'int32' or 'int64'. Received: "
                f"dtype={dtype}"
            )
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = False

    def _encoded(self, bins: np.ndarray) -> np.ndarray:
        if self.output_mode == "int":
            return bins.astype(self.dtype)
        return encode(bins if bins.ndim else bins[None], self.output_mode, self.num_bins, dtype=self.dtype)

    def _encoded_shape(self, shape: tuple) -> tuple:
        return shape if self.output_mode == "int" else encoded_shape(shape, self.output_mode, self.num_bins)

    def get_config(self):
        own = {"num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": False}
        return {**super().get_config(), **own}


class Hashing(_Encoded):
    """Words or integers as indices: a hash of each, below `num_bins`. The same word has the same index everywhere.

    Computes with NumPy before a step runs, as `StringLookup` does.

    Args:
        num_bins: int, the number of indices, with that of the mask value.
        mask_value: str or int that stands for no value: index 0. Default None.
        salt: int or two ints, the key of SipHash; other keys give other indices. Default None: FarmHash64.
        output_mode: "int" (default), "one_hot" (a vector for each value), "multi_hot" (a vector for each row, 1 for
            each value in it) or "count" (how often).
        sparse: not supported, must be False.
        name, dtype: as in `Layer`; with "int" the dtype of the output, "int64" by default.

    Input: text or ints (...). Output: int64 (...) for "int"; `dtype` (..., num_bins) otherwise.

    Raises:
        ValueError: an invalid argument.
    """

    _modes = ("int", "one_hot", "multi_hot", "count")

    def __init__(
        self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, name=None, dtype=None, **kwargs
    ):
        super().__init__(num_bins, output_mode, sparse, dtype, name=name, **kwargs)
        self.mask_value = mask_value
        self.salt = check_salt(salt, "Hashing")

    def call(self, inputs):
        array = inputs if hasattr(inputs, "dtype") else np.asarray(inputs)
        values = as_text(array).ravel().tolist() if is_text(array) else np.asarray(array, "int64").ravel().tolist()
        masked = self.mask_value is not None and self.num_bins > 1
        buckets = self.num_bins - masked
        table = {value: bucket_of(str(value), buckets, self.salt) + masked for value in set(values)}
        if masked:
            table[self.mask_value] = 0
        bins = np.array([table[value] for value in values], "int64").reshape(np.shape(array))
        return self._encoded(bins)

    def compute_output_shape(self, input_shape):
        return self._encoded_shape(tuple(input_shape))

    def compute_output_spec(self, inputs):
        """A symbolic tensor of the output's shape and dtype."""
        return symbolic(self.compute_output_shape(inputs.shape), self.dtype)

    def get_config(self):
        return {**super().get_config(), "salt": self.salt, "mask_value": self.mask_value}


class HashedCrossing(_Encoded):
    """Two or more features together as one: a hash of their values, below `num_bins`.

    Computes with NumPy before a step runs, as `StringLookup` does.

    Args:
        num_bins: int, the number of indices.
        output_mode: "int" (default) or "one_hot".
        sparse: not supported, must be False.
        name, dtype: as in `Layer`; with "int" the dtype of the output, "int64" by default.

    Input: a list of arrays of text or ints, each () or (batch,) or (batch, 1). Output: int64 of that shape for "int";
    `dtype` (batch, num_bins) otherwise.

    Raises:
        ValueError: an invalid argument, fewer than two inputs, other shapes or dtypes.
    """

    def __init__(self, num_bins, output_mode="int", sparse=False, name=None, dtype=None, **kwargs):
        super().__init__(num_bins, output_mode, sparse, dtype, name=name, **kwargs)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of at least two inputs. "
                f"Received: inputs={str(inputs)[:200]}"
            )
        arrays = [x if hasattr(x, "dtype") else np.asarray(x) for x in inputs]
        self._check_shapes([np.shape(x) for x in arrays])
        hashes = [self._hashes(x) for x in arrays]
        bins = []
        for values in zip(*hashes, strict=True):
            crossed = _CROSSING_KEY
            for value in values:
                crossed = fingerprint_of_two(crossed, value)
            bins.append(crossed % self.num_bins)
        return self._encoded(np.array(bins, "int64").reshape(np.shape(arrays[0])))

    @staticmethod
    def _check_shapes(shapes: list[tuple]) -> None:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1) or any(shape != first for shape in shapes):
            raise ValueError(
                "All `HashedCrossing` inputs should have one shape: `()`, `(batch_size)` or `(batch_size, 1)`. "
                f"Received inputs of shapes {shapes}"
            )

    @staticmethod
    def _hashes(array) -> list[int]:
        if is_text(array):
            return [fingerprint64(item.encode()) for item in as_text(array).ravel()]
        if np.asarray(array).dtype.kind not in "iub":
            raise ValueError(
                "All `HashedCrossing` inputs should have an integer or string dtype. "
                f"Received an array of dtype {np.asarray(array).dtype}"
            )
        return [int(value) & (1 << 64) - 1 for value in np.asarray(array).ravel()]

    def compute_output_shape(self, input_shape):
        shapes = [tuple(shape) for shape in input_shape]
        self._check_shapes(shapes)
        return self._encoded_shape(shapes[0])

    def compute_output_spec(self, inputs):
        """A symbolic tensor of the output's shape and dtype."""
        return symbolic(self.compute_output_shape([x.shape for x in inputs]), self.dtype)
