"""The callback that writes event files for TensorBoard."""

from __future__ import annotations

import contextlib
import os
import time

import numpy as np

from .. import summary
from ..compat.positional import batch_size_may_be_third
from ..config import image_data_format
from ..layers import Embedding
from ..summary.summaries import write
from ..user_warning import warn
from .callback import Callback, wanted_if

_of_batches = wanted_if(lambda callback: callback.update_freq != "epoch")


class TensorBoard(Callback):
    """Writes losses, metrics and weights to files that TensorBoard shows. TensorFlow is not needed.

    Losses and metrics go to the folders `train` and `validation` in `log_dir`, as `epoch_loss`, `epoch_accuracy`, ...
    over the epochs, and `evaluation_loss_vs_iterations`, ... over the steps of training.

    Args:
        log_dir: path of a folder, which is made. Default "logs".
        histogram_freq: int, the number of epochs between histograms of the weights. Default 0: none.
        write_graph: whether the layers of the model are written, for the conceptual graph. Default True. A graph of
            operations is not written: the program that runs has no such graph.
        write_images: whether weights are written as images too, beside each histogram. Default False.
        write_steps_per_second: whether the speed is written, of each epoch and, with `update_freq`, of each batch.
            Default False.
        update_freq: "epoch" (default), "batch", or an int: the number of batches between values of the losses and
            metrics, written as `batch_loss`, ...
        profile_batch: the batches to profile. pykernels writes no profile for TensorBoard: anything but 0 (default)
            gives a warning; `model.profile(x, y)` prints one.
        embeddings_freq: int, the number of epochs between copies of the weights of `Embedding` layers, for the
            projector. Default 0: none.
        embeddings_metadata: path of a file with the names of the rows of the embeddings, or a dict of layer name ->
            path, relative to `log_dir`. Default None.
        embeddings_layer_names: list of names, the layers meant by `embeddings_freq` (Keras 2). Default None: all
            `Embedding` layers.
        embeddings_data: must be None (Keras 2): activations are not projected.
        batch_size: accepted as in Keras 2. It has no effect: histograms are those of weights.
        write_grads: whether gradients have histograms, in Keras 2. As in tf.keras, True gives a warning and no more.

    Raises:
        ValueError: `update_freq` or `profile_batch` of another form; when training begins, a layer named in
            `embeddings_metadata` or `embeddings_layer_names` that is no `Embedding` of the model.
        NotImplementedError: `embeddings_data`.
    """

    @batch_size_may_be_third
    def __init__(
        self,
        log_dir="logs",
        histogram_freq=0,
        write_graph=True,
        write_images=False,
        write_steps_per_second=False,
        update_freq="epoch",
        profile_batch=0,
        embeddings_freq=0,
        embeddings_metadata=None,
        *,
        embeddings_layer_names=None,
        embeddings_data=None,
        batch_size=None,
        write_grads=False,
    ):
        super().__init__()
        self.log_dir = os.fspath(log_dir) if isinstance(log_dir, os.PathLike) else str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch" and (not isinstance(self.update_freq, int) or self.update_freq < 1):
            raise ValueError(
                f"`update_freq` must be 'epoch', 'batch' or a positive number of batches. Received: {update_freq!r}"
            )
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self.embeddings_layer_names = embeddings_layer_names
        if embeddings_data is not None:
            raise NotImplementedError(
                "TensorBoard(embeddings_data=...) projects the activations of layers, which pykernels does not write. "
                "Leave it out: the weights of Embedding layers are written."
            )
        if write_grads:
            warn("TensorBoard: `write_grads` has no effect; there are histograms of weights (`histogram_freq`) only.")
        if _profiled(profile_batch):
            warn(
                f"TensorBoard: `profile_batch={profile_batch!r}` has no effect: pykernels writes no profile for "
                "TensorBoard. model.profile(x, y) measures the operations of a step."
            )
        self._writers: dict[str, summary.SummaryWriter] = {}
        self._default = contextlib.ExitStack()  # of summaries that a script writes between batches
        self._train_batch = self._test_batch = 0

    # --- the model -----------------------------------------------------------------------------------------
    def set_model(self, model):
        super().set_model(model)
        self._close()
        self._writers = {}
        if self.write_graph and type(model).__name__ in ("Sequential", "Functional"):
            self._write_layers()
        if self.embeddings_freq:
            self._write_projector_config()

    def _writer(self, which: str) -> summary.SummaryWriter:
        if which not in self._writers:
            self._writers[which] = summary.create_file_writer(os.path.join(self.log_dir, which))
        return self._writers[which]

    def _write_layers(self) -> None:
        try:
            layers = self.model.to_json()
        except (TypeError, ValueError, NotImplementedError) as error:
            warn(f"TensorBoard: the layers are not shown, since the model has no JSON form: {error}")
            return
        with self._writer("train").as_default():
            write("keras", layers, "graph_keras_model", 0, 0, content=b"1")

    def _write_projector_config(self) -> None:
        """What the projector reads: the file with the rows of each embedding, and that of their names."""
        metadata = self.embeddings_metadata
        names = dict(metadata) if isinstance(metadata, dict) else {}
        lines = []
        for layer in self._embeddings():
            lines += ["embeddings {", f'  tensor_name: "{layer.name}"', f'  tensor_path: "{layer.name}.tsv"']
            path = names.pop(layer.name, None) if isinstance(metadata, dict) else metadata
            lines += [f'  metadata_path: "{path}"', "}"] if path is not None else ["}"]
        if names:
            raise ValueError(
                "Unrecognized `Embedding` layer names passed to `keras.callbacks.TensorBoard` `embeddings_metadata` "
                f"argument: {list(names)}"
            )
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))

    def _embeddings(self) -> list:
        found = [layer for layer in self.model.layers if isinstance(layer, Embedding)]
        if not self.embeddings_layer_names:
            return found
        known = [layer.name for layer in found]
        unknown = [name for name in self.embeddings_layer_names if name not in known]
        if unknown:
            raise ValueError(f"`embeddings_layer_names` names no Embedding layers: {unknown}. There are: {known}")
        return [layer for layer in found if layer.name in self.embeddings_layer_names]

    # --- the course of training ----------------------------------------------------------------------------
    def on_train_begin(self, logs=None):
        self._train_batch = 0
        self._set_default("train", 0)

    def on_train_end(self, logs=None):
        self._close()

    def on_test_begin(self, logs=None):
        self._set_default("validation", self._test_batch)

    def on_test_end(self, logs=None):
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and logs:
            step = int(np.asarray(optimizer.iterations))
            self._write_scalars("validation", {f"evaluation_{name}_vs_iterations": v for name, v in logs.items()}, step)
        if self._train_batch:
            self._set_default("train", self._train_batch)
        else:
            self._default.close()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = time.perf_counter(), int(np.asarray(self.model.optimizer.iterations))

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        train = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        if hasattr(self.model.optimizer, "learning_rate"):  # a MultiOptimizer has several
            train["epoch_learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        if self.write_steps_per_second:
            start, steps = self._epoch_start
            done = int(np.asarray(self.model.optimizer.iterations)) - steps
            train["epoch_steps_per_second"] = done / max(time.perf_counter() - start, 1e-9)
        self._write_scalars("train", train, epoch)
        validation = {f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")}
        if validation:
            self._write_scalars("validation", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()

    def _write_scalars(self, which: str, values: dict, step: int) -> None:
        """Those of `values` that are numbers, and arrays as histograms (metrics with a result for each class)."""
        with self._writer(which).as_default(), summary.record_if(True):
            for name, value in values.items():
                if np.size(value) == 1:
                    summary.scalar(name, value, step)
                else:
                    summary.histogram(name, value, step)

    # --- batches -------------------------------------------------------------------------------------------
    def _set_default(self, which: str, step: int) -> None:
        """Summaries that the script itself writes from now on belong to this batch."""
        if self.update_freq == "epoch":
            return
        self._default.close()
        self._default.enter_context(self._writer(which).as_default(step))
        self._default.enter_context(summary.record_if(step % self.update_freq == 0))

    @_of_batches
    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch, logs)
        self._train_batch += 1
        self._set_default("train", self._train_batch)
        self._batch_start = time.perf_counter()

    @_of_batches
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if self.update_freq == "epoch" or self._train_batch % self.update_freq:
            return
        values = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            values["batch_steps_per_second"] = 1 / max(time.perf_counter() - self._batch_start, 1e-9)
        self._write_scalars("train", values, self._train_batch)

    @_of_batches
    def on_test_batch_begin(self, batch, logs=None):
        self._test_batch += 1
        self._set_default("validation", self._test_batch)

    # --- weights -------------------------------------------------------------------------------------------
    def _write_weights(self, epoch: int) -> None:
        with self._writer("train").as_default(), summary.record_if(True):
            for layer in self.model.layers:
                for weight in layer.weights:
                    name, values = weight.path.replace(":", "_"), weight.numpy()
                    summary.histogram(f"{name}/histogram", values, epoch)
                    images = _as_images(values) if self.write_images else None
                    if images is not None:
                        summary.image(f"{name}/image", images, epoch)

    def _write_embeddings(self) -> None:
        for layer in self._embeddings():
            path = os.path.join(self.log_dir, f"{layer.name}.tsv")
            np.savetxt(path, layer.embeddings.numpy(), fmt="%.7g", delimiter="\t")

    # --- the end -------------------------------------------------------------------------------------------
    def _close(self) -> None:
        self._default.close()
        for writer in self._writers.values():
            writer.close()

    def __getstate__(self):
        left_out = ("_writers", "_default")
        return {key: value for key, value in super().__getstate__().items() if key not in left_out}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._writers, self._default = {}, contextlib.ExitStack()


def _profiled(profile_batch) -> bool:
    """Whether `profile_batch` asks for anything.

    Raises:
        ValueError: what is neither a number of a batch nor a first and a last one.
    """
    given = profile_batch.split(",") if isinstance(profile_batch, str) else profile_batch
    try:
        first, last = (
            map(int, given) if isinstance(given, (tuple, list)) and len(given) == 2 else 2 * (int(*np.ravel(given)),)
        )
    except (TypeError, ValueError):
        first, last = -1, -1
    if first < 0 or last < first:
        raise ValueError(
            "profile_batch must be a non-negative integer or 2-tuple of positive integers. A pair of positive integers "
            f"signifies a range of batches to profile. Found: {profile_batch}"
        )
    return last > 0


def _as_images(values: np.ndarray) -> np.ndarray | None:
    """A weight as images (K, H, W, C) that TensorBoard can show: a vector as a row, a matrix lying, the kernels of a
    convolution one by one. None for what has more axes."""
    values = np.squeeze(values)
    if values.ndim < 2:
        return values.reshape(1, -1, 1, 1)
    if values.ndim == 2:
        return (values.T if values.shape[0] > values.shape[1] else values)[None, ..., None]
    if values.ndim == 3:
        values = values.transpose(2, 0, 1) if image_data_format() == "channels_last" else values
        return values[..., None]
    return values if values.ndim == 4 and values.shape[-1] in (1, 3, 4) else None
