"""Callbacks (`keras.callbacks`)."""

from .callback import Callback
from .callback_list import CallbackList
from .history import History
from .logs import Logs
from .monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from .progbar_logger import ProgbarLogger
from .simple import CSVLogger, LambdaCallback, LearningRateScheduler, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
