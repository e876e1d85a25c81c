"""Sessions and their settings as scripts for TensorFlow 1 make them: there is no graph, but threads are obeyed."""

from __future__ import annotations

import contextlib
from typing import ClassVar

import numpy as np

from .. import _core
from ..utils.tree import map_structure
from .tensor import Tensor
from .variable import Variable

_own_threads = _core.num_threads()
_chosen = {"threads": 0}


def set_threads(intra: int) -> None:
    """The most threads of one op; 0: as many as the machine gives."""
    if int(intra) < 0:
        raise ValueError(f"the number of threads must not be negative, got {intra}")
    _chosen["threads"] = int(intra)
    _core.set_num_threads(int(intra) or _own_threads)


def chosen_threads() -> int:
    """What `set_threads` was given last; 0 at first."""
    return _chosen["threads"]


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


#: Those that are open as scopes, the innermost last.
sessions: list = []


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
        sessions.append(self)
        return self

    def __exit__(self, *exc):
        sessions.remove(self)


class InteractiveSession(Session):
    """A session that is the default one from now on."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        sessions.append(self)


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
