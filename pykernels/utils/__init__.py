"""Utilities."""

from __future__ import annotations

import importlib as _importlib

from . import np_utils
from .get_file import get_file
from .image_utils import array_to_img, img_to_array, load_img, save_img
from .naming import get_uid
from .numerical import normalize, to_categorical
from .progbar import Progbar
from .py_dataset import PyDataset, Sequence
from .random_seed import set_random_seed
from .sequence_utils import pad_sequences
from .serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

# Names of Keras's utils that live in modules which need layers and models, which need utils: found when asked for.
_LATER = {
    "HDF5Matrix": "data_adapters.hdf5_matrix",
    "audio_dataset_from_directory": "preprocessing",
    "image_dataset_from_directory": "preprocessing",
    "model_to_dot": "visualization",
    "pack_x_y_sample_weight": "training.step_methods",
    "plot_model": "visualization",
    "split_dataset": "preprocessing",
    "text_dataset_from_directory": "preprocessing",
    "timeseries_dataset_from_array": "preprocessing",
    "unpack_x_y_sample_weight": "training.step_methods",
}

__all__ = [
    "CustomObjectScope",
    "HDF5Matrix",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_uid",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "model_to_dot",
    "normalize",
    "np_utils",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name):
    if name in _LATER:
        value = getattr(_importlib.import_module(f"{__package__.rpartition('.')[0]}.{_LATER[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
