"""Weights for untrained networks that let a signal through: kernels of unit gain, statistics other than 0 and 1."""

from __future__ import annotations

import numpy as np


def realistic_weights(model, seed=0, gain=2.0):
    """float32 arrays for `model.set_weights`, the same for equal networks of Keras and of pykernels.

    Kernels are normal with variance gain / fan-in (2: He et al., https://arxiv.org/abs/1502.01852, for ReLU).
    """
    rng = np.random.default_rng(seed)
    depthwise = {id(layer.weights[0]) for layer in _layers(model) if type(layer).__name__ == "DepthwiseConv2D"}
    found = []
    for w in model.weights:
        shape = tuple(w.shape)
        if w.name in ("gamma", "moving_variance", "variance"):
            values = rng.uniform(0.7, 1.4, shape)
        elif len(shape) == 1:
            values = 0.1 * rng.normal(size=shape)
        else:
            values = rng.normal(size=shape) * np.sqrt(gain / np.prod(shape[:2] if id(w) in depthwise else shape[:-1]))
        found.append(values.astype("float32"))
    return found


def _layers(model):
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else [layer]
