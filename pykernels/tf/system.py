"""`tf.config`, `tf.test`, devices and threads: what there is, and how much of it is used."""

from __future__ import annotations

import collections
import contextlib

from ..graph.sessions import chosen_threads, set_threads

__all__ = ["device"]

PhysicalDevice = collections.namedtuple("PhysicalDevice", "name device_type")
LogicalDevice = collections.namedtuple("LogicalDevice", "name device_type")
_CPU, _LOGICAL_CPU = PhysicalDevice("/physical_device:CPU:0", "CPU"), LogicalDevice("/device:CPU:0", "CPU")
_chosen = {"inter": 0, "soft": True}


def _devices(kind, cpu):
    return [cpu] if kind in (None, "CPU") else []


class threading:  # noqa: N801 - modules of TensorFlow, here and below
    """`tf.config.threading`."""

    set_intra_op_parallelism_threads = staticmethod(set_threads)
    get_intra_op_parallelism_threads = staticmethod(chosen_threads)
    #: Ops run one after another, so that this number has no effect.
    set_inter_op_parallelism_threads = staticmethod(lambda num_threads: _chosen.update(inter=int(num_threads)))
    get_inter_op_parallelism_threads = staticmethod(lambda: _chosen["inter"])


class optimizer:  # noqa: N801
    """`tf.config.optimizer`: recorded programs are always compiled."""

    set_jit = staticmethod(lambda enabled: None)
    get_jit = staticmethod(lambda: "")
    set_experimental_options = staticmethod(lambda options: None)
    get_experimental_options = staticmethod(dict)


def _memory_growth(device, enable=None):
    if device != _CPU:
        raise ValueError(f"Invalid PhysicalDevice: {device}; the only device is {_CPU}")
    raise ValueError("Cannot set memory growth on a CPU device")


class experimental:  # noqa: N801
    """`tf.config.experimental`."""

    list_physical_devices = staticmethod(lambda device_type=None: _devices(device_type, _CPU))
    list_logical_devices = staticmethod(lambda device_type=None: _devices(device_type, _LOGICAL_CPU))
    get_visible_devices = list_physical_devices
    set_memory_growth = staticmethod(_memory_growth)
    get_memory_growth = staticmethod(_memory_growth)
    enable_tensor_float_32_execution = staticmethod(lambda enabled: None)
    tensor_float_32_execution_enabled = staticmethod(lambda: False)
    enable_op_determinism = staticmethod(lambda: None)
    enable_mlir_graph_optimization = staticmethod(lambda: None)
    get_synchronous_execution = staticmethod(lambda: True)
    set_synchronous_execution = staticmethod(lambda enable: None)

    @staticmethod
    def set_visible_devices(devices, device_type=None):
        """See `tf.config.set_visible_devices`."""
        config.set_visible_devices(devices, device_type)


class config:  # noqa: N801
    """`tf.config`: the only device is the CPU."""

    threading, optimizer, experimental = threading, optimizer, experimental
    PhysicalDevice, LogicalDevice = PhysicalDevice, LogicalDevice
    list_physical_devices = staticmethod(lambda device_type=None: _devices(device_type, _CPU))
    list_logical_devices = staticmethod(lambda device_type=None: _devices(device_type, _LOGICAL_CPU))
    get_visible_devices = list_physical_devices
    set_soft_device_placement = staticmethod(lambda enabled: _chosen.update(soft=bool(enabled)))
    get_soft_device_placement = staticmethod(lambda: _chosen["soft"])

    @staticmethod
    def set_visible_devices(devices, device_type=None):
        """Chooses devices: the CPU stays, and there is no other to hide."""
        wanted = devices if isinstance(devices, (list, tuple)) else [devices]
        unknown = [d for d in wanted if d not in (_CPU, None)]
        if unknown:
            raise ValueError(f"Unrecognized device: {unknown[0]}; the only device is {_CPU}")
        if device_type in (None, "CPU") and _CPU not in wanted:
            raise ValueError("The CPU cannot be hidden: it is the only device that pykernels computes on")


class test:  # noqa: N801
    """`tf.test`."""

    is_gpu_available = staticmethod(lambda cuda_only=False, min_cuda_compute_capability=None: False)
    is_built_with_cuda = staticmethod(lambda: False)
    is_built_with_gpu_support = staticmethod(lambda: False)
    is_built_with_rocm = staticmethod(lambda: False)
    is_built_with_xla = staticmethod(lambda: False)
    gpu_device_name = staticmethod(lambda: "")


class device_lib:  # noqa: N801
    """`tensorflow.python.client.device_lib`."""

    list_local_devices = staticmethod(lambda session_config=None: [_LOGICAL_CPU])


class sysconfig:  # noqa: N801
    """`tf.sysconfig`."""

    get_build_info = staticmethod(lambda: {"is_cuda_build": False, "is_rocm_build": False})


@contextlib.contextmanager
def device(device_name):
    """A scope for work on a device: the CPU, whatever the name says, as TensorFlow places softly.

    Raises:
        ValueError: another device than the CPU where `tf.config.set_soft_device_placement(False)` was called.
    """
    name = device_name if isinstance(device_name, str) else getattr(device_name, "name", "") or ""
    if not _chosen["soft"] and name and "CPU" not in name.upper():
        raise ValueError(f"{name} unknown device; the only device is {_LOGICAL_CPU.name}")
    yield


__all__ += ["config", "sysconfig", "test"]
