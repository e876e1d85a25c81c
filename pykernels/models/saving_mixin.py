"""The methods by which a model gets into files, and its training configuration back out of them."""

from __future__ import annotations

from .. import losses, metrics, optimizers
from ..saving.model_files import json_text, save_model
from ..saving.onnx.export import export_onnx
from ..saving.weights import load_weights, save_weights
from ..user_warning import warn
from ..utils import serialization
from ..utils.tree import map_shapes


class SavingMixin:
    """save, save_weights, load_weights, to_json, export, and what configurations of models have beside their layers."""

    def save(self, filepath, overwrite=True, include_optimizer=True, save_format=None, zipped=None) -> None:
        """Writes the whole model: layers, weights, and when it is compiled how it is trained and the optimizer's state.

        The file appears whole or not at all; an older one is kept until the new one is on the disk.

        Args:
            filepath: ends in `.keras` (the format of Keras 3), or `.h5`, `.hdf5` (that of Keras 1 and 2).
            overwrite: whether a file of that name is replaced.
            include_optimizer: whether `compile` and the optimizer's state are written too.
            save_format: "keras" or "h5", whatever the name ends in, as in Keras 2.
            zipped: must not be False.

        Raises:
            ValueError: another ending or format.
            TypeError, NotImplementedError: a layer without `get_config`.
            FileExistsError: the file exists and `overwrite` is False.
            OSError: writing failed; the old file is unchanged.
        """
        save_model(self, filepath, overwrite, include_optimizer, save_format, zipped)

    def save_weights(self, filepath, overwrite=True) -> None:
        """Writes the weights to HDF5: Keras 3's layout for `.weights.h5`, the earlier one for other `.h5`, `.hdf5`.

        The file appears whole or not at all; an older one is kept until the new one is on the disk.

        Args:
            filepath: path that ends in `.weights.h5`, `.h5` or `.hdf5`.
            overwrite: whether an existing file is replaced.

        Raises:
            ValueError: another ending.
            FileExistsError: the file exists and `overwrite` is False.
            OSError: writing failed; the old file is unchanged.
        """
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, skip_mismatch=False, by_name=False) -> None:
        """Reads weights that `save_weights`, `save` or any version of Keras wrote; nothing changes unless all fit.

        Args:
            filepath: HDF5 file of either layout, or a `.keras` file.
            skip_mismatch: whether layers whose weights do not fit are left as they are, with a warning.
            by_name: whether layers are matched by name instead of by position (earlier layout only).

        Raises:
            ValueError: layers that do not fit; the message has a table.
            OSError: the file is damaged.
        """
        load_weights(self, filepath, skip_mismatch, by_name)

    def to_json(self, **kwargs) -> str:
        """The configuration as JSON, for `models.model_from_json`. `kwargs` go to `json.dumps`."""
        return json_text(serialization.serialize_keras_object(self), **kwargs)

    def export(self, filepath, format="onnx", verbose=None, input_signature=None, **kwargs) -> None:  # noqa: A002
        """Writes the model for other programs, in the ONNX format (needs `pip install 'pykernels[onnx]'`).

        Args:
            filepath: of the file.
            format: "onnx".
            verbose: whether to print where the file is.
            input_signature: must be None: the shapes are the model's own.
            **kwargs: `opset_version`, int.

        Raises:
            ValueError: another format, or a model that is not built.
            NotImplementedError: a layer that has no form in ONNX here.
        """
        if format != "onnx":
            raise ValueError(f"pykernels exports to format='onnx'. Received: format={format!r}")
        if input_signature is not None:
            raise ValueError(
                "export(input_signature=...) is not supported; the shapes of the model's inputs are taken."
            )
        export_onnx(self, filepath, verbose=bool(verbose), **kwargs)

    # --- beside the layers ----------------------------------------------------------------------------------
    def get_build_config(self) -> dict | None:
        """The input shape that a model was built for, as files keep it; None before."""
        graph, free = getattr(self, "_graph", None), getattr(self, "_free_inputs", None)
        if graph is not None:
            stacked = hasattr(self, "_stack")
            return {"input_shape": graph.inputs[0].shape if stacked else None}
        if free:
            shapes = [shape for shape, _ in free]
            return {"input_shape": shapes[0] if len(shapes) == 1 else shapes}
        return super().get_build_config()

    def build_from_config(self, config: dict) -> None:
        """Builds for what `get_build_config` gave."""
        if config.get("input_shape") is not None:
            self.build(map_shapes(tuple, config["input_shape"]))

    def get_compile_config(self) -> dict | None:
        """The arguments of `compile`, as files keep them; None for a model that is not compiled."""
        if not self.compiled:
            return None
        return {key: serialization.serialize_keras_object(value) for key, value in self._compile_config.items()}

    def compile_from_config(self, config: dict) -> None:
        """`compile` with what `get_compile_config` gave. A subclass with a `compile` of its own has to override it."""
        if type(self).compile is not type(self)._own_compile:
            warn(
                "`compile()` was not called as part of model loading because the model's `compile()` method is custom. "
                "Override `get_compile_config()` and `compile_from_config(config)`, or call `compile()` yourself."
            )
            return
        self._compile_with(config)

    def _compile_with(self, config: dict) -> None:
        """`compile`, also one of a subclass's own, which files of Keras 1 and 2 are compiled by."""
        kinds = {"optimizer": optimizers, "loss": losses, "metrics": metrics, "weighted_metrics": metrics}
        self.compile(**{key: _revived(kinds.get(key), value) for key, value in config.items()})
        if self.built and self.compiled:
            self.optimizer.build(self.trainable_variables)


def _revived(kind, value):
    """Objects of `optimizers`, `losses` or `metrics` from their configurations, in lists and dicts too."""
    if isinstance(value, dict) and "class_name" in value:
        return kind.deserialize(value) if kind is not None else serialization.deserialize_keras_object(value)
    if isinstance(value, dict):
        return {key: _revived(kind, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_revived(kind, item) for item in value]
    if isinstance(value, str) and kind is not None:
        found = serialization.get_registered_object(value)
        return value if found is None else found
    return value
