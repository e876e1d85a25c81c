"""TensorFlow 1 (`tf.compat.v1`): sessions without a graph, whose settings for threads are obeyed."""

from __future__ import annotations

import logging as _logging

from .. import ops
from ..graph import Variable
from ..graph.sessions import ConfigProto as ConfigProto
from ..graph.sessions import GPUOptions as GPUOptions
from ..graph.sessions import Graph as Graph
from ..graph.sessions import GraphOptions as GraphOptions
from ..graph.sessions import InteractiveSession as InteractiveSession
from ..graph.sessions import OptimizerOptions as OptimizerOptions
from ..graph.sessions import RunOptions as RunOptions
from ..graph.sessions import Session as Session
from ..graph.sessions import sessions as _sessions
from ..initializers import GlorotUniform

__all__ = [
    *("ConfigProto", "GPUOptions", "GraphOptions", "InteractiveSession", "OptimizerOptions", "RunOptions", "Session"),
    *("disable_eager_execution", "disable_v2_behavior", "disable_v2_tensorshape", "enable_eager_execution"),
    *("enable_v2_behavior", "get_default_session", "get_variable", "global_variables_initializer", "logging"),
    *("local_variables_initializer", "reset_default_graph", "tables_initializer", "placeholder", "Graph"),
    *("get_default_graph", "enable_resource_variables", "disable_resource_variables"),
]


def get_default_session():
    """The innermost session, or None."""
    return _sessions[-1] if _sessions else None


def get_default_graph():
    """Stands for TensorFlow's graph, of which there is none."""
    return Graph()


def _nothing(name, doc):
    def function(*args, **kwargs):
        return None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


disable_v2_behavior = _nothing("disable_v2_behavior", "No effect: values are computed at once in any case.")
enable_v2_behavior = _nothing("enable_v2_behavior", "No effect: values are computed at once in any case.")
disable_eager_execution = _nothing("disable_eager_execution", "No effect: values are computed at once in any case.")
enable_eager_execution = _nothing("enable_eager_execution", "No effect: values are computed at once in any case.")
disable_v2_tensorshape = _nothing("disable_v2_tensorshape", "No effect: shapes are tuples.")
enable_resource_variables = _nothing("enable_resource_variables", "No effect.")
disable_resource_variables = _nothing("disable_resource_variables", "No effect.")
global_variables_initializer = _nothing("global_variables_initializer", "None: variables have their values at once.")
local_variables_initializer = _nothing("local_variables_initializer", "None: variables have their values at once.")
tables_initializer = _nothing("tables_initializer", "None: there are no tables.")
reset_default_graph = _nothing("reset_default_graph", "No effect: there is no graph.")


def get_variable(name, shape=None, dtype="float32", initializer=None, regularizer=None, trainable=True):
    """A variable: of `initializer` (an array, or a function of a shape and dtype; Glorot's uniform by default)."""
    if regularizer is not None:
        raise ValueError("tf.get_variable of pykernels takes no regularizer; use Layer.add_weight(regularizer=...)")
    initializer = GlorotUniform() if initializer is None else initializer
    value = initializer(tuple(shape), dtype=str(dtype)) if callable(initializer) else ops.cast(initializer, str(dtype))
    return Variable(value, name=name, trainable=trainable)


def placeholder(dtype, shape=None, name=None):
    """Graphs of TensorFlow 1 are not there: raises NotImplementedError."""
    raise NotImplementedError(
        "tf.placeholder belongs to graphs of TensorFlow 1, which pykernels does not have; use keras.Input(shape)"
    )


class logging:  # noqa: N801 - a module of TensorFlow
    """`tf.compat.v1.logging`: the logger named "tensorflow"."""

    DEBUG, INFO, WARN, WARNING, ERROR, FATAL = 10, 20, 30, 30, 40, 50
    _logger = _logging.getLogger("tensorflow")
    set_verbosity = staticmethod(_logger.setLevel)
    get_verbosity = staticmethod(_logger.getEffectiveLevel)
    debug, info, warn, warning, error = (
        *(staticmethod(_logger.debug), staticmethod(_logger.info), staticmethod(_logger.warning)),
        *(staticmethod(_logger.warning), staticmethod(_logger.error)),
    )
    fatal = staticmethod(_logger.critical)
