"""Callbacks that save the model: ModelCheckpoint, BackupAndRestore."""

from __future__ import annotations

import contextlib
import json
import os
import shutil

from ..saving.checkpoints import load_checkpoint
from ..user_warning import warn
from ..utils.atomic import atomic_write, sweep
from ..utils.progbar import print_line
from ..utils.regular_files import read_regular
from .callback import Callback, wanted_if
from .monitor import MonitorCallback


class _EveryBatches:
    """Counts batches, also where several of them are one step for callbacks."""

    def _start_counting(self, save_freq):
        if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or positive integer values"
            )
        self.save_freq = save_freq
        self._batches_seen_since_last_saving = 0
        self._last_batch_seen = None

    def _is_due(self, batch) -> bool:
        last = self._last_batch_seen
        self._batches_seen_since_last_saving += batch + 1 if last is None or batch <= last else batch - last
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving < self.save_freq:
            return False
        self._batches_seen_since_last_saving = 0
        return True

    @wanted_if(lambda callback: callback.save_freq != "epoch")
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if self.save_freq != "epoch" and self._is_due(batch):
            self._save_after(batch, logs)

    def _save_after(self, batch, logs):
        """Saves after a batch."""
        raise NotImplementedError


class ModelCheckpoint(_EveryBatches, MonitorCallback):
    """Saves the model or its weights during training.

    A file saved during `fit` also contains the state of the training (see `pykernels.saving.training_state`). After
    `load_model(file)`, or `load_weights(file)` into a compiled model, `fit(..., initial_epoch=<the next epoch>)`
    continues the training; the result has the same bits as that of an uninterrupted run.

    Args:
        filepath: path, as `Model.save` or `Model.save_weights` takes it. It may have fields, such as
            "{epoch:02d}-{val_loss:.2f}.keras". Missing folders are made.
        monitor: str, a name in the logs. Default "val_loss".
        verbose: 0 (default), or 1 to print a message for each file.
        save_best_only: whether only improvements of `monitor` are saved. Default False.
        save_weights_only: whether `save_weights` is called instead of `save`. Default False.
        mode: "auto" (default), "min" or "max".
        save_freq: "epoch" (default), or an int, the number of batches between files.
        initial_value_threshold: float, the value of `monitor` that the first improvement must exceed. Default None.
        period: int, the number of epochs between files (Keras 1 and 2). Default 1.

    Raises:
        ValueError: ".weights.h5" for whole models, ".keras" for weights, or an invalid `save_freq`.
        KeyError: while training, a field of `filepath` that the logs do not have.
    """

    runs_last = True
    _remembered = ("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_epochs_since_last_saving")

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        save_weights_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
        period=1,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        path = os.fspath(filepath)
        self.filepath = path.decode() if isinstance(path, bytes) else path
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        if not isinstance(period, int) or period < 1:
            raise ValueError(f"`period` must be a positive number of epochs. Received: period={period}")
        self.period = period
        self._epochs_since_last_saving = 0
        self._current_epoch = 0
        self._start_counting(save_freq)
        if save_weights_only and self.filepath.endswith(".keras"):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must end in "
                f"`.weights.h5` (Keras weights format). Received: filepath={self.filepath}"
            )
        if not save_weights_only and self.filepath.endswith(".weights.h5"):
            raise ValueError(
                f"The filepath provided must end in `.keras` (Keras model format). Received: filepath={self.filepath}"
            )

    def on_epoch_begin(self, epoch, logs=None):
        self._current_epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None and self.save_best_only:
            self._set_monitor_op()
        self._epochs_since_last_saving += 1
        if self.save_freq == "epoch" and self._epochs_since_last_saving >= self.period:
            self._epochs_since_last_saving = 0
            self._save_model(epoch, None, logs)

    def _save_after(self, batch, logs):
        self._save_model(self._current_epoch, batch, logs)

    def _save_model(self, epoch, batch, logs):
        path = self._path(epoch, batch, logs or {})
        if not self._should_save(epoch, logs or {}, path):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if os.path.isdir(path):
            raise OSError(
                "Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing directory: "
                f"{path}"
            )
        if not self.save_weights_only:
            self.model.save(path)
        else:
            self.model.save_weights(path)

    def _path(self, epoch, batch, logs) -> str:
        fields = _Fields(logs, epoch=epoch + 1)
        if batch is not None:
            fields.setdefault("batch", batch + 1)
        try:
            return self.filepath.format_map(fields)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}. The logs have: '
                f"{sorted(logs)}"
            ) from error

    def _should_save(self, epoch, logs, path) -> bool:
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        current = logs.get(self.monitor)
        if current is None:
            warn(f"Can save best model only with {self.monitor} available.")
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _say(self, text):
        if self.verbose > 0:
            print_line(text)


class _Fields(dict):
    """The fields of a file name: those of the logs answer to the names of every era."""

    def __init__(self, logs, **own):
        super().__init__(own)
        self._logs = logs

    def __missing__(self, key):
        return self._logs[key]


class BackupAndRestore(_EveryBatches, Callback):
    """Saves the state of the training, and continues from it when `fit` is called again after an interruption.

    The result has the same bits as that of an uninterrupted run. The state consists of weights, optimizer, learning
    rate, order of the rows, random streams, metrics, and the state of EarlyStopping, ReduceLROnPlateau and
    ModelCheckpoint. A generator that was passed as `x` is started again and read up to its position.

    Args:
        backup_dir: path of a folder that nothing else uses.
        save_freq: "epoch" (default), or an int, the number of batches between checkpoints.
        double_checkpoint: whether the checkpoint before the last one is kept too, and used if the last is damaged.
            Default False.
        delete_checkpoint: whether the folder is removed at the end of the training. Default True.

    Raises:
        ValueError: an empty `backup_dir`, or an invalid `save_freq`.
    """

    runs_last = True
    _remembered = ("_batches_seen_since_last_saving", "_last_batch_seen")

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        folder = os.fspath(backup_dir)
        self.backup_dir = folder.decode() if isinstance(folder, bytes) else folder
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._weights_path = os.path.join(self.backup_dir, "latest.weights.h5")
        self._previous_path = f"{self._weights_path}.bkp"
        self._metadata_path = os.path.join(self.backup_dir, "training_metadata.json")
        self._start_counting(save_freq)

    def on_train_begin(self, logs=None):
        for path in (self._weights_path, self._metadata_path):
            sweep(path)
        paths = [path for path in (self._weights_path, self._previous_path) if os.path.exists(path)]
        for path in paths:
            try:
                load_checkpoint(self.model, path, self._epoch_of_keras)
                return
            except (OSError, ValueError) as error:
                if path == paths[-1]:
                    raise
                warn(f"{error} The checkpoint before it is used.")

    def _epoch_of_keras(self) -> int:
        """The epoch that Keras's own callback wrote beside its weights."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return max(0, int(json.loads(read_regular(self._metadata_path))["epoch"]))
        return 0

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch + 1)

    def _save_after(self, batch, logs):
        self._save(None)

    def _save(self, next_epoch):
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._weights_path):
            os.replace(self._weights_path, self._previous_path)
        self.model.save_weights(self._weights_path)
        if next_epoch is not None:  # Keras's own callback reads this
            with atomic_write(self._metadata_path) as file:
                file.write(json.dumps({"epoch": next_epoch, "batch": 0}).encode())

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.isdir(self.backup_dir):
            shutil.rmtree(self.backup_dir)
