"""Numbers as the numbers of the ranges that they are in."""

from __future__ import annotations

import numpy as np

from .. import config, ops
from .adapting import batches_of_data
from .layer import Layer
from .lookup.encoding import encoded_shape, numbers_as_array, standardize_mode


class Discretization(Layer):
    """The index of the range, between boundaries, that each number is in.

    Args:
        bin_boundaries: list of floats in rising order. A number below the first has index 0, one at or above the last
            the index `len(bin_boundaries)`. Default None: `adapt` finds them.
        num_bins: int, in place of `bin_boundaries`: how many ranges with equally many numbers `adapt` makes.
        epsilon: float, the error of those quantiles, as a share. Default 0.01.
        output_mode: "int" (default), "one_hot" (a vector for each number), "multi_hot" (a vector for each row, 1 for
            each range with a number of the row) or "count" (how many).
        sparse: not supported, must be False.
        dtype, name: as in `Layer`.

    Output: int32 of the input's shape for "int"; `floatx()` (..., ranges) otherwise.

    Raises:
        ValueError: both or neither of `bin_boundaries` and `num_bins`, or another invalid argument; a call before the
            boundaries are known.
    """

    def __init__(
        self,
        bin_boundaries=None,
        num_bins=None,
        epsilon=0.01,
        output_mode="int",
        sparse=False,
        dtype=None,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, dtype=dtype, **kwargs)
        if sparse:
            raise ValueError("Discretization(sparse=True) is not supported by pykernels; vectors are dense arrays")
        output_mode = standardize_mode("Discretization", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`")
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                "Both `num_bins` and `bin_boundaries` should not be set. "
                f"Received: `num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = False
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        return config.floatx()

    def adapt(self, data, steps=None) -> None:
        """Finds the boundaries of `num_bins` ranges with equally many of the numbers in `data`.

        Args:
            data: array, or something that gives batches of them.
            steps: int, how many batches are read. Default None: all.

        Raises:
            ValueError: the layer was given its boundaries.
        """
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` "
                "instead."
            )
        self.reset_state()
        for batch in batches_of_data(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what `update_state` saw."""
        self.summary = np.zeros((2, 0), "float32")

    def update_state(self, data) -> None:
        """Takes a batch into account: a summary of weighted values is merged with the one so far."""
        values = np.sort(np.asarray(data, "float32"), axis=None)
        step = max(values.size * self.epsilon, 1)
        chosen = values[int(step - 1) :: int(step)]
        merged = np.concatenate([np.stack([chosen, np.full_like(chosen, step)]), self.summary], axis=1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Makes boundaries of what `update_state` saw."""
        if self.num_bins is not None:
            self._learn(bin_boundaries=_compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist())

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(numbers_as_array(inputs), *args, **kwargs)

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` "
                "before you can start using the `Discretization` layer."
            )
        x = ops.convert_to_tensor(inputs)
        boundaries = np.asarray(self.bin_boundaries, config.floatx())
        below = ops.less(ops.expand_dims(ops.cast(x, config.floatx()), -1), boundaries)
        bins = ops.sum(ops.cast(ops.logical_not(below), "int32"), axis=-1)
        if self.output_mode == "int":
            return bins
        if self.output_mode == "one_hot":
            bins = ops.squeeze(bins, -1) if len(bins.shape) > 1 and bins.shape[-1] == 1 else bins
            return ops.one_hot(bins, len(boundaries) + 1, dtype=self.compute_dtype)
        vectors = ops.one_hot(bins, len(boundaries) + 1, dtype=self.compute_dtype)
        return ops.max(vectors, axis=-2) if self.output_mode == "multi_hot" else ops.sum(vectors, axis=-2)

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return shape if self.output_mode == "int" else encoded_shape(shape, self.output_mode, depth)

    def get_config(self):
        return {
            **super().get_config(),
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
        }

    @classmethod
    def from_config(cls, config):
        if config.get("bin_boundaries") is not None and config.get("num_bins") is not None:  # after `adapt`
            layer = cls(**{**config, "bin_boundaries": None})
            layer._learn(bin_boundaries=config["bin_boundaries"])
            return layer
        return cls(**config)


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary (values, weights) with 1 / epsilon values, interpolated at equal shares of the weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    reached = total / total[-1]
    values = np.interp(shares, reached, summary[0])
    weights = np.diff(np.interp(shares, reached, total), prepend=0)
    return np.stack([values, weights]).astype("float32")
