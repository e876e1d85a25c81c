"""Callbacks (`keras.callbacks`)."""

from ..utils.later import Later
from .callback import Callback
from .callback_list import CallbackList
from .checkpoints import BackupAndRestore, ModelCheckpoint
from .history import History
from .logs import Logs
from .monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from .progbar_logger import ProgbarLogger
from .simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]

_LATER = Later(
    __name__,
    "keras.callbacks",
    {"more": "BaseLogger RemoteMonitor SwapEMAWeights", "tensorboard": "TensorBoard"},
    found=globals(),
)
__all__ += _LATER.where
__getattr__ = _LATER.attribute
