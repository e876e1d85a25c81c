"""TensorFlow 1 (`tf.compat.v1`): sessions without a graph, whose settings for threads are obeyed."""

from __future__ import annotations

import contextlib
import logging as _logging
from typing import ClassVar

import numpy as np

from .. import ops
from ..graph import Tensor, Variable
from ..initializers import GlorotUniform
from ..utils.tree import map_structure
from .system import set_threads

__all__ = [
    *("ConfigProto", "GPUOptions", "GraphOptions", "InteractiveSession", "OptimizerOptions", "RunOptions", "Session"),
    *("disable_eager_execution", "disable_v2_behavior", "disable_v2_tensorshape", "enable_eager_execution"),
    *("enable_v2_behavior", "get_default_session", "get_variable", "global_variables_initializer", "logging"),
    *("local_variables_initializer", "reset_default_graph", "tables_initializer", "placeholder", "Graph"),
    *("get_default_graph", "enable_resource_variables", "disable_resource_variables"),
]


class _Options:
    """Options by name; those that say something about graphics cards have nothing to say here."""

    _known: ClassVar[dict] = {}

    def __init__(self, **options):
        unknown = set(options) - set(self._known)
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no option {sorted(unknown)[0]!r}; it has {sorted(self._known)}"
            )
        for name, default in self._known.items():
            setattr(self, name, options.get(name, default() if callable(default) else default))


class GPUOptions(_Options):
    """Settings for graphics cards: kept, without effect, since pykernels computes on the CPU."""

    _known: ClassVar[dict] = {
        **{"allow_growth": False, "per_process_gpu_memory_fraction": 0.0, "visible_device_list": ""},
        **{"allocator_type": "", "force_gpu_compatible": False, "polling_active_delay_usecs": 0},
    }


class OptimizerOptions(_Options):
    """Settings of TensorFlow's graph optimizer: kept, without effect."""

    ON_1, ON_2, OFF, L0, L1 = 1, 2, -1, -1, 0
    _known: ClassVar[dict] = {"global_jit_level": 0, "opt_level": 0, "do_common_subexpression_elimination": False}


class GraphOptions(_Options):
    """Settings of TensorFlow's graphs: kept, without effect."""

    _known: ClassVar[dict] = {
        "optimizer_options": OptimizerOptions,
        "rewrite_options": None,
        "place_pruned_graph": False,
    }


class RunOptions(_Options):
    """Settings of one run: kept, without effect."""

    FULL_TRACE, NO_TRACE = 3, 0
    _known: ClassVar[dict] = {"trace_level": 0, "timeout_in_ms": 0, "report_tensor_allocations_upon_oom": False}


class ConfigProto(_Options):
    """Settings of a session. `intra_op_parallelism_threads` is obeyed (0: as many as the machine gives); the others are
    kept, without effect: ops run one after another, and there is one device."""

    _known: ClassVar[dict] = {
        **{"intra_op_parallelism_threads": 0, "inter_op_parallelism_threads": 0, "allow_soft_placement": False},
        **{"log_device_placement": False, "device_count": dict, "gpu_options": GPUOptions},
        **{"graph_options": GraphOptions, "use_per_session_threads": False, "operation_timeout_in_ms": 0},
    }


class Graph:
    """Stands for TensorFlow's graph, of which there is none."""

    as_default = contextlib.nullcontext
    finalize = staticmethod(lambda: None)


_sessions: list = []


class Session:
    """A session: it sets the number of threads, and gives the values of variables and arrays.

    Args:
        target: must be "": there are no servers.
        graph: accepted as in TensorFlow: there is no graph.
        config: `ConfigProto`.
    """

    def __init__(self, target="", graph=None, config=None):
        if target:
            raise ValueError(f"tf.Session: there is no server {target!r}; pykernels computes in this process")
        self.config, self.graph, self.target = config, graph or Graph(), target
        apply_config(config)

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """The values of variables and arrays, in the structure of `fetches`; None of what was computed at once.

        Raises:
            NotImplementedError: a symbolic tensor, or `feed_dict`: there is no graph to run.
        """
        if feed_dict:
            raise NotImplementedError(
                "Session.run(feed_dict=...) runs a graph of TensorFlow 1, which pykernels does not have. Use "
                "model.predict(), model.train_on_batch() or keras.backend.function()."
            )
        return map_structure(_fetched, fetches)

    def as_default(self):
        """A scope."""
        return contextlib.nullcontext(self)

    def list_devices(self) -> list:
        """The names of the devices."""
        return ["/device:CPU:0"]

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self):
        _sessions.append(self)
        return self

    def __exit__(self, *exc):
        _sessions.remove(self)


class InteractiveSession(Session):
    """A session that is the default one from now on."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        _sessions.append(self)


def apply_config(config) -> None:
    """Sets the number of threads that a `ConfigProto` asks for."""
    threads = int(getattr(config, "intra_op_parallelism_threads", 0) or 0)
    if threads:
        set_threads(threads)


def _fetched(x):
    if isinstance(x, Tensor):
        raise NotImplementedError(
            f"Session.run of {x!r}: a symbolic tensor has no value without a graph to run. Use model.predict(), or "
            "keras.backend.function(inputs, outputs)."
        )
    return x.numpy() if isinstance(x, Variable) else np.asarray(x) if isinstance(x, np.ndarray) else x


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
