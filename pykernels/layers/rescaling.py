"""Layers that scale their inputs: Rescaling by given numbers, Normalization by the statistics of a data set."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .. import config, ops
from .layer import Layer


class Rescaling(Layer):
    """`inputs * scale + offset`, in the layer's dtype. `Rescaling(1 / 255)` maps pixels to [0, 1].

    Args:
        scale: float, or an array with one per channel.
        offset: float, or an array with one per channel. Default 0.
        **kwargs: arguments of `Layer`.

    Input shape: any. Output shape: the same.
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def _constant(self, value):
        value = np.asarray(value, self.compute_dtype)
        if value.ndim and config.image_data_format() == "channels_first":
            value = value.reshape(value.shape + (1,) * (3 - value.ndim))
        return value

    def call(self, inputs):
        x = ops.multiply(ops.cast(inputs, self.compute_dtype), self._constant(self.scale))
        return ops.add(x, self._constant(self.offset)) if np.any(self.offset) else x

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "scale": _plain(self.scale), "offset": _plain(self.offset)}


def _plain(value):
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


class _Moment:
    """The mean or the variance of a layer, of a shape that broadcasts with the inputs'; None before it is built. It is
    no property, so that assigning it is assigning the constructor's argument of that name."""

    def __init__(self, index: int):
        self.index = index

    def __get__(self, layer, owner=None):
        if layer is None:
            return self
        return layer._moments()[self.index] if layer.built else None


class Normalization(Layer):
    """`(inputs - mean) / sqrt(variance)`, with mean and variance computed by `adapt` or given as arguments.

    Args:
        axis: int, tuple of ints, or None: the axes along which each index has a mean and a variance of its own
            (features, channels). Default -1; None for one mean and one variance.
        mean, variance: floats or arrays that broadcast to the sizes of `axis`; both or neither. Default None.
        invert: whether the inverse is computed, `mean + inputs * sqrt(variance)`. Default False.

    Input shape: any. Output shape: the same.
    Weights, if mean and variance are not given: mean, variance, count (not trainable).

    Raises:
        ValueError: only one of mean and variance, or different shapes; at the call, an axis whose size is unknown.
    """

    decides_weights = frozenset(("axis",))
    mean, variance = _Moment(0), _Moment(1)

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. Received: mean shape "
                f"{np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if len(np.shape(mean)) > len(self.axis):
            raise ValueError(
                "The rank of `mean` must be less than or equal to the number of axes "
                f"({len(self.axis)}). Received: mean shape {np.shape(mean)} for axis {self.axis}"
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True

    def build(self, input_shape):
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, while "
                f"axis={self.axis}"
            )
        self._kept = tuple(sorted(axis % rank for axis in self.axis))
        for axis in self._kept:
            if input_shape[axis] is None:
                raise ValueError(
                    f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, "
                    f"inputs.shape={tuple(input_shape)}, with unknown axis at index {axis}"
                )
        self._built_for = tuple(input_shape)
        self._broadcast = tuple(d if i in self._kept else 1 for i, d in enumerate(input_shape))
        if self.input_mean is None:
            shape = tuple(input_shape[axis] for axis in self._kept)
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", dtype="int32", initializer="zeros", trainable=False)

    def _moments(self):
        """mean and variance, of a shape that broadcasts with the inputs'."""
        if self.input_mean is None:
            return [ops.reshape(v, self._broadcast) for v in (self.adapt_mean, self.adapt_variance)]
        shape = [1] * len(self._broadcast)
        for axis, extent in zip(self._kept[::-1], np.shape(self.input_mean)[::-1], strict=False):
            shape[axis] = extent
        return [np.reshape(np.asarray(v, self.compute_dtype), shape) for v in (self.input_mean, self.input_variance)]

    def adapt(self, data):
        """Sets mean and variance to those of `data`.

        Args:
            data: array, or an iterable of batches; of a batch that is a tuple, the first element is used.

        Raises:
            TypeError: `data` is neither.
            ValueError: no batch; other sizes than the layer was built for; mean and variance were given to the layer.
        """
        if self.input_mean is not None:
            raise ValueError(f"Layer '{self.name}' was given its mean and variance: it cannot be adapted")
        if hasattr(data, "shape"):
            batches = iter([data])
        elif hasattr(data, "__iter__"):
            batches = iter(data)
        else:
            raise TypeError(
                f"Unsupported data type: {type(data)}. `adapt` supports arrays, and iterables of batches (e.g. list, "
                "generator)."
            )
        first = next(batches, None)
        if first is None:
            raise ValueError("adapt() received an empty iterable (no batches). Expected at least one batch.")
        if not self.built:
            self.build(np.shape(_inputs_of(first)))
        mean, variance, total = 0.0, 0.0, 0
        for batch in itertools.chain([first], batches):
            x = self._matching(np.asarray(_inputs_of(batch)))
            axes = tuple(i for i in range(x.ndim) if i not in self._kept)
            added = math.prod(x.shape[i] for i in axes)
            new_mean, new_variance = x.mean(axes, dtype=np.float64), x.var(axes, dtype=np.float64)
            share = added / (total + added)
            # moments of a union of two sets from those of each (Chan et al., 1979)
            variance = variance * (1 - share) + new_variance * share + (new_mean - mean) ** 2 * share * (1 - share)
            mean = mean + (new_mean - mean) * share
            total += added
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def _matching(self, x):
        if x.ndim != len(self._built_for) or any(x.shape[axis] != self._built_for[axis] for axis in self._kept):
            raise ValueError(
                f"The layer was built with input_shape={self._built_for}, but adapt() is being called with data with "
                f"an incompatible shape, data.shape={x.shape}"
            )
        return x

    def call(self, inputs):
        x = ops.cast(inputs, self.compute_dtype)
        mean, variance = self._moments()
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


def _inputs_of(batch):
    return batch[0] if isinstance(batch, tuple) else batch
