"""TensorFlow 2 under the names and with the behaviour of version 1, for the standalone Keras 1 and 2."""

from __future__ import annotations

import sys


def install() -> None:
    sys.modules["keras"] = None  # TensorFlow would import the old one, and goes on without
    import tensorflow.compat.v1 as version1
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import control_flow_ops, functional_ops, tensor_array_ops  # noqa: F401 - Keras looks here
    from tensorflow.python.training import moving_averages  # noqa: F401

    del sys.modules["keras"]
    ops._TensorLike = ops.Tensor
    ops.is_dense_tensor_like = lambda x: isinstance(x, (ops.Tensor, version1.Variable))
    version1.disable_v2_behavior()
    version1.enable_resource_variables()  # else steps read what they have changed already, or not
    version1.__version__ = "1.15.0"
    sys.modules["tensorflow"] = version1
