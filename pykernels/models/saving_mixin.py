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
        """Saves the whole model: configuration, weights, and, if it is compiled, the arguments of `compile` and the
        state of the optimizer.

        Writing is atomic: an older file is kept until the new one is on the disk.

        Args:
            filepath: path that ends in `.keras` (the format of Keras 3), `.h5` or `.hdf5` (that of Keras 1 and 2). A
                name without such an ending is a file in the format of Keras 3, or, if it is a folder or ends in a
                slash, one in that folder; `models.load_model` takes the same name. Or an open binary file.
            overwrite: whether an existing file is replaced. Default True.
            include_optimizer: whether the arguments of `compile` and the state of the optimizer are saved. Default
                True.
            save_format: "keras" or "h5", in place of the ending of the path, as in Keras 2; "tf" is "keras", as there
                is no SavedModel. Default None.
            zipped: False is not supported.

        Raises:
            ValueError: `.weights.h5`, or another format.
            TypeError, NotImplementedError: a layer without `get_config`.
            FileExistsError: the file exists and `overwrite` is False.
            OSError: writing failed; the old file is unchanged.
        """
        save_model(self, filepath, overwrite, include_optimizer, save_format, zipped)

    def save_weights(self, filepath, overwrite=True, save_format=None) -> None:
        """Saves the weights to an HDF5 file, in the layout of Keras 3 for `.weights.h5`, else in that of Keras 1 and 2.

        Writing is atomic: an older file is kept until the new one is on the disk.

        Args:
            filepath: path that ends in `.weights.h5`, `.h5` or `.hdf5`. A name without such an ending is a file in the
                layout of Keras 3; beside it are written `name.index` and `checkpoint`, for which scripts for TensorFlow
                look. `load_weights` takes the same name.
            overwrite: whether an existing file is replaced.
            save_format: for such a name, "h5" for the layout of Keras 2 and nothing beside it; "tf" as the default,
                None.

        Raises:
            ValueError: a path that ends in `.keras`, or another format.
            FileExistsError: the file exists and `overwrite` is False.
            OSError: writing failed; the old file is unchanged.
        """
        save_weights(self, filepath, overwrite, save_format)

    def load_weights(self, filepath, skip_mismatch=False, by_name=False) -> None:
        """Loads weights from a file of pykernels or of any version of Keras. If not all fit, the model is not changed.

        Args:
            filepath: path of an HDF5 file of either layout, or of a `.keras` file.
            skip_mismatch: whether layers whose weights do not fit are left unchanged, with a warning. Default False.
            by_name: whether layers are matched by name instead of by position (layout of Keras 1 and 2 only). Default
                False.

        Raises:
            ValueError: layers that do not fit; the message has a table.
            OSError: the file is damaged.
        """
        load_weights(self, filepath, skip_mismatch, by_name)

    def to_json(self, **kwargs) -> str:
        """The configuration as JSON, for `models.model_from_json`.

        Args:
            **kwargs: arguments of `json.dumps`.
        """
        return json_text(serialization.serialize_keras_object(self), **kwargs)

    def to_yaml(self, **kwargs):
        """Refused, as in Keras: reading YAML can run code.

        Args:
            **kwargs: as in Keras 2.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "Method `model.to_yaml()` has been removed due to security risk of arbitrary code execution. Please use "
            "`model.to_json()` instead."
        )

    def export(self, filepath, format="onnx", verbose=None, input_signature=None, **kwargs) -> None:  # noqa: A002
        """Exports the model to the ONNX format (needs `pip install 'pykernels[onnx]'`).

        Args:
            filepath: path of the file.
            format: "onnx".
            verbose: whether the path is printed. Default None: no.
            input_signature: not supported, must be None: the shapes of the model's inputs are used.
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
        """A dict with the input shape that the model was built for, for saving; None before."""
        graph, free = getattr(self, "_graph", None), getattr(self, "_free_inputs", None)
        if graph is not None:
            stacked = hasattr(self, "_stack")
            return {"input_shape": graph.inputs[0].shape if stacked else None}
        if free:
            shapes = [shape for shape, _ in free]
            return {"input_shape": shapes[0] if len(shapes) == 1 else shapes}
        return super().get_build_config()

    def build_from_config(self, config: dict) -> None:
        """Builds the model from the dict that `get_build_config` returned."""
        if config.get("input_shape") is not None:
            self.build(map_shapes(tuple, config["input_shape"]))

    def get_compile_config(self) -> dict | None:
        """The arguments of `compile` as a dict, for saving; None for a model that is not compiled."""
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
