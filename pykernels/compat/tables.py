"""What the import hook knows, as data. The hook itself (`pykernels.compat.hook`) knows no name.

The names of today's Keras are in `keras_names.txt`, which `tests/keras_api.py` makes from an installed Keras.

Module paths are written without their root: ``"layers.core"`` stands for ``keras.layers.core``,
``tensorflow.keras.layers.core`` and so on; ``""`` is the root itself. Targets are written without ``pykernels.``.
(Argument names of earlier versions are in `pykernels.compat.arguments`.)
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

#: The versions whose behaviour scripts see; ``__version__`` adds ``+pykernels.`` and pykernels' own version.
VERSIONS: dict[str, str] = {
    "keras": "3.15.1",
    "tf_keras": "3.15.1",
    "tensorflow": "2.21.0",
    "tensorflow.keras": "3.15.1",
    "tensorflow.python.keras": "3.15.1",
    "tensorflow.compat.v2.keras": "3.15.1",
}

#: Packages that stand for Keras. Each answers every path of `MODULES`.
ROOTS: tuple[str, ...] = (
    "keras",
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tf_keras",
    "tensorflow.contrib.keras",
)

#: Packages of their own that Keras was made of -> pykernels module that serves them.
PACKAGES: dict[str, str] = {
    "keras_applications": "applications",
    "keras_preprocessing": "preprocessing",
    "keras_preprocessing.image": "preprocessing.image",
    "keras_preprocessing.sequence": "preprocessing.sequence",
    "keras_preprocessing.text": "preprocessing.text",
}

#: Packages within Keras through which its modules can be reached too: `keras.api.layers` is `keras.layers`.
TRANSPARENT = frozenset({"api", "_tf_keras", "src"})

#: Modules of pykernels that are not to be found under Keras's name.
NOT_OF_KERAS = frozenset({"compat", "data_adapters", "graph", "summary", "training", "user_warning"})

_OPTIMIZER_MODULES = ("adadelta", "adagrad", "adam", "adamax", "ftrl", "gradient_descent", "nadam", "rmsprop")

#: Module of an earlier Keras -> pykernels module that serves it. (Modules of today's Keras go by their own names.)
MODULES: dict[str, str] = {
    "backend.common": "backend",
    "backend.tensorflow_backend": "backend",
    "activations.activations": "activations",
    "callbacks.callbacks": "callbacks",
    "callbacks.experimental": "callbacks",
    "callbacks.tensorboard_v1": "callbacks",
    "callbacks.tensorboard_v2": "callbacks",
    "datasets.digits": "datasets.digits",
    "engine": "layers",
    "engine.base_layer": "layers",
    "engine.functional": "models",
    "engine.input_layer": "layers",
    "engine.input_spec": "layers",
    "engine.keras_tensor": "graph",
    "engine.network": "models",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "datasets.cifar": "datasets.cifar",
    "datasets.data_utils": "utils",
    "initializers.initializers_v1": "initializers",
    "initializers.initializers_v2": "initializers",
    "layers.activation": "layers",
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.containers": "models",
    "layers.convolutional_recurrent": "layers",
    "layers.core": "layers",
    "layers.cudnn_recurrent": "layers",
    "layers.embeddings": "layers",
    "layers.experimental": "layers",
    "layers.experimental.preprocessing": "layers",
    "layers.local": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.normalization": "layers",
    "layers.normalization.batch_normalization": "layers",
    "layers.pooling": "layers",
    "layers.preprocessing": "layers",
    "layers.recurrent": "layers",
    "layers.regularization": "layers",
    "layers.reshaping": "layers",
    "layers.wrappers": "layers",
    "legacy.layers": "layers",
    "losses.losses": "losses",
    "metrics.metrics": "metrics",
    "objectives": "losses",
    "optimizers.experimental": "optimizers",
    "optimizers.legacy": "optimizers",
    "optimizers.optimizer_v2": "optimizers",
    "optimizer_v1": "optimizers",
    "optimizer_v2": "optimizers",
    "optimizer_v2.learning_rate_schedule": "optimizers.schedules",
    **{f"optimizer_v2.{name}": "optimizers" for name in _OPTIMIZER_MODULES},
    **{f"optimizers.optimizer_v2.{name}": "optimizers" for name in _OPTIMIZER_MODULES},
    **{f"optimizers.{name}_v2": "optimizers" for name in _OPTIMIZER_MODULES},
    "preprocessing.text": "preprocessing.text",
    "saving.hdf5_format": "saving",
    "saving.save": "saving",
    "utils.all_utils": "utils",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.image_utils": "utils",
    "utils.io_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.np_utils": "utils",
    "utils.training_utils": "utils",
    "utils.traceback_utils": "utils.traceback_utils",
    "utils.vis_utils": "utils",
    "utils.visualize_util": "utils",
    "wrappers.scikit_learn": "wrappers.scikit_learn",
}

_CONVOLUTIONS = {
    "Convolution3D": "layers.Conv3D",
    "Deconv2D": "layers.Conv2DTranspose",
    "BatchNormalizationV1": "layers.BatchNormalization",
    "BatchNormalizationV2": "layers.BatchNormalization",
    "SyncBatchNormalization": "layers.BatchNormalization",
}
_SHORT_LOSSES = {
    "mse": "losses.mean_squared_error",
    "MSE": "losses.mean_squared_error",
    "mae": "losses.mean_absolute_error",
    "MAE": "losses.mean_absolute_error",
    "mape": "losses.mean_absolute_percentage_error",
    "MAPE": "losses.mean_absolute_percentage_error",
    "msle": "losses.mean_squared_logarithmic_error",
    "MSLE": "losses.mean_squared_logarithmic_error",
    "kld": "losses.kl_divergence",
    "KLD": "losses.kl_divergence",
}

_OLD_UTILS = """
    categorical_probas_to_classes convert_kernel count_params get_source_inputs has_arg print_summary probas_to_classes
    to_list
"""
#: pykernels module -> {name that it does not define itself: where that is found}.
NAMES: dict[str, dict[str, str]] = {
    "": {
        "Input": "layers.Input",
        "InputSpec": "layers.InputSpec",
        "Layer": "layers.Layer",
        "Loss": "losses.Loss",
        "Metric": "metrics.Metric",
        "Model": "models.Model",
        "Optimizer": "optimizers.Optimizer",
        "Sequential": "models.Sequential",
        "Variable": "initializers.Variable",
        "KerasTensor": "graph.Tensor",
        "version": "compat.hook.version",
    },
    "graph": {"KerasTensor": "graph.Tensor"},
    "initializers": {
        "zero": "initializers.Zeros",
        "zeros": "initializers.Zeros",
        "one": "initializers.Ones",
        "ones": "initializers.Ones",
        "constant": "initializers.Constant",
        "normal": "initializers.RandomNormal",
        "random_normal": "initializers.RandomNormal",
        "uniform": "initializers.RandomUniform",
        "random_uniform": "initializers.RandomUniform",
        "truncated_normal": "initializers.TruncatedNormal",
        "glorot_normal": "initializers.GlorotNormal",
        "glorot_uniform": "initializers.GlorotUniform",
        "he_normal": "initializers.HeNormal",
        "he_uniform": "initializers.HeUniform",
        "lecun_normal": "initializers.LecunNormal",
        "lecun_uniform": "initializers.LecunUniform",
        "identity": "initializers.Identity",
        "orthogonal": "initializers.Orthogonal",
        "variance_scaling": "initializers.VarianceScaling",
    },
    "layers": {
        "Container": "models.Model",
        "get_source_inputs": "utils.old_names.get_source_inputs",
        **_CONVOLUTIONS,
        "Model": "models.Model",
        "Sequential": "models.Sequential",
    },
    "losses": _SHORT_LOSSES,
    "metrics": _SHORT_LOSSES,
    "models": {"Container": "models.Model", "Input": "layers.Input", "Network": "models.Model"},
    "optimizers": {
        "sgd": "optimizers.SGD",
        "rmsprop": "optimizers.RMSprop",
        "RMSProp": "optimizers.RMSprop",
        "adam": "optimizers.Adam",
        "adagrad": "optimizers.Adagrad",
        "adadelta": "optimizers.Adadelta",
        "adamax": "optimizers.Adamax",
        "nadam": "optimizers.Nadam",
        "ftrl": "optimizers.Ftrl",
        "OptimizerV2": "optimizers.Optimizer",
    },
    "regularizers": {
        "ActivityRegularizer": "regularizers.L1L2",
        "WeightRegularizer": "regularizers.L1L2",
        "activity_l1": "regularizers.L1",
        "activity_l1l2": "regularizers.L1L2",
        "activity_l2": "regularizers.L2",
        "l1l2": "regularizers.L1L2",
    },
    "utils": {
        **{name: f"utils.old_names.{name}" for name in _OLD_UTILS.split()},
        "layer_from_config": "layers.deserialize",
        "to_graph": "visualization.model_to_dot",
        "clear_session": "backend.clear_session",
        "model_to_dot": "visualization.model_to_dot",
        "plot": "visualization.plot_model",
        "plot_model": "visualization.plot_model",
    },
}

#: pykernels module -> names that earlier versions of Keras had there, and pykernels has not. Like the names of today's
#: Keras they can be imported (lessons import much that they never use) and raise when used; any other unknown name
#: fails at the import.
KERAS_NAMES: dict[str, str] = {
    "layers": """
        Highway LocallyConnected1D LocallyConnected2D MaxoutDense Merge ThresholdedReLU TimeDistributedDense
        DenseFeatures ParametricSoftplus SReLU Recurrent
    """,
    "legacy": "interfaces",
    "models": "Graph",
    "optimizers": "TFOptimizer",
    "utils": "GeneratorEnqueuer OrderedEnqueuer multi_gpu_model",
}

#: Modules that earlier versions of Keras had, and of which pykernels has nothing.
OLD_MODULES = frozenset({"legacy.interfaces"})


@functools.lru_cache(1)
def keras_names() -> dict[str, tuple[str, ...]]:
    """Module of Keras (without `keras.`) -> its public names."""
    lines = Path(__file__).with_name("keras_names.txt").read_text().splitlines()
    found = (line.partition(":") for line in lines if not line.startswith("#"))
    return {module.strip("."): tuple(names.split()) for module, _, names in found}


#: Advice for what is missing, by pykernels target; the longest matching beginning is used.
INSTEAD: dict[str, str] = {
    "applications": (
        "there are VGG16, VGG19, ResNet50 to 152 (V2 too), MobileNet, MobileNetV2, DenseNet121 to 201, "
        "EfficientNetB0 to B7, Xception, SqueezeNet"
    ),
    "callbacks.OrbaxCheckpoint": "use ModelCheckpoint, or BackupAndRestore to go on after an interruption",
    "layers.ThresholdedReLU": "use keras.layers.ReLU(threshold=theta)",
    "models.Graph": "the class left Keras with version 1",
    "tensorflow": "pykernels serves tensorflow.keras; of TensorFlow itself it has only a few names",
    "tensorflow.lite": "model.export(path, format='onnx') writes a file for other runtimes",
    "tensorflow.saved_model": "model.save('model.keras') and keras.models.load_model",
    "tensorflow.summary": "there are scalar, histogram, image and text; graphs, traces and sounds are not written",
    "tensorflow.data": "pass NumPy arrays or a Python generator of batches to fit()",
}

# --- TensorFlow's own names: enough for scripts that need it only to reach Keras ------------------------------------

_SUMMARIES = """
    FileWriter SummaryWriter create_file_writer create_noop_writer flush histogram image record_if scalar
    should_record_summaries text
"""
_TRACEBACKS = "disable_traceback_filtering enable_traceback_filtering is_traceback_filtering_enabled"

#: TensorFlow module -> the pykernels module whose public names it has.
TENSORFLOW_MODULES: dict[str, str] = {
    "tensorflow": "tf.names",
    "tensorflow.compat.v1": "tf.names",
    "tensorflow.compat.v2": "tf.names",
    **{
        f"tensorflow.{name}": f"tf.{name}"
        for name in ("debugging", "dtypes", "image", "io", "linalg", "math", "nn", "random", "strings")
    },
    **{f"tensorflow.compat.v1.{name}": f"tf.{name}" for name in ("image", "math", "nn", "random")},
}

_INITIALIZERS = {
    "constant_initializer": "initializers.Constant",
    "ones_initializer": "initializers.Ones",
    "random_normal_initializer": "initializers.RandomNormal",
    "random_uniform_initializer": "initializers.RandomUniform",
    "truncated_normal_initializer": "initializers.TruncatedNormal",
    "zeros_initializer": "initializers.Zeros",
}
_TOP_LEVEL = {
    **_INITIALIZERS,
    "GradientTape": "graph.GradientTape",
    "TensorSpec": "preprocessing.elements.TensorSpec",
    "UnconnectedGradients": "tf.gradients.UnconnectedGradients",
    "Variable": "graph.Variable",
    "custom_gradient": "ops.custom_gradient",
    "executing_eagerly": "tf.gradients.executing_eagerly",
    "function": "graph.function",
    "gradients": "tf.gradients.gradients",
    "initializers": "initializers",
    "losses": "losses",
    "metrics": "metrics",
    "optimizers": "optimizers",
}
_SESSIONS = (
    *("ConfigProto", "GPUOptions", "Graph", "GraphOptions", "InteractiveSession", "OptimizerOptions", "RunOptions"),
    *("Session", "disable_eager_execution", "enable_eager_execution", "get_default_graph", "get_default_session"),
    *("get_variable", "global_variables_initializer", "local_variables_initializer", "logging", "placeholder"),
    *("reset_default_graph", "tables_initializer"),
)
_BEHAVIOUR = (
    *("disable_resource_variables", "disable_v2_behavior", "disable_v2_tensorshape", "enable_resource_variables"),
    "enable_v2_behavior",
)
#: Names of TensorFlow 1, at its top level and in compat.v1.
_VERSION_1 = {
    **{name: f"tf.v1.{name}" for name in _SESSIONS},
    "HistogramProto": "summary.HistogramProto",
    "Summary": "summary.Summary",
    "gfile": "tf.io.gfile",
    "random_normal": "tf.random.normal",
    "random_shuffle": "tf.random.shuffle",
    "random_uniform": "tf.random.uniform",
    "read_file": "tf.io.read_file",
    "set_random_seed": "utils.set_random_seed",
    "truncated_normal": "tf.random.truncated_normal",
}

_TRAIN = {
    f"{name}Optimizer": f"optimizers.tensorflow1.{name}Optimizer"
    for name in ("Adadelta", "Adagrad", "Adam", "Ftrl", "GradientDescent", "Momentum", "RMSProp")
}

#: TensorFlow module -> {name: where pykernels has it}, beyond those of its module in `TENSORFLOW_MODULES`.
TENSORFLOW: dict[str, dict[str, str]] = {
    **{name: {} for name in TENSORFLOW_MODULES},
    "tensorflow": {**_TOP_LEVEL, **_VERSION_1},
    "tensorflow.compat": {},
    "tensorflow.contrib": {},
    "tensorflow.compat.v1": {**_TOP_LEVEL, **_VERSION_1, **{name: f"tf.v1.{name}" for name in _BEHAVIOUR}},
    "tensorflow.compat.v1.random": {"set_random_seed": "utils.set_random_seed"},
    "tensorflow.compat.v2": _TOP_LEVEL,
    "tensorflow.data": {
        "Dataset": "preprocessing.streams.Stream",
        "DatasetSpec": "preprocessing.stream_windows.DatasetSpec",
        "Options": "preprocessing.stream_windows.Options",
        "TextLineDataset": "preprocessing.streams.TextLineDataset",
    },
    "tensorflow.data.experimental": {
        "assert_cardinality": "preprocessing.streams.assert_cardinality",
        "cardinality": "preprocessing.streams.cardinality",
        "choose_from_datasets": "preprocessing.streams.choose_from_datasets",
        "sample_from_datasets": "preprocessing.streams.sample_from_datasets",
    },
    "tensorflow.debugging": {name: f"config.{name}" for name in _TRACEBACKS.split()},
    "tensorflow.summary": {name: f"summary.{name}" for name in _SUMMARIES.split()},
    "tensorflow.summary.experimental": {name: f"summary.experimental.{name}" for name in ("get_step", "set_step")},
    "tensorflow.compat.v1.summary": {name: f"summary.{name}" for name in ("FileWriter", "Summary")},
    "tensorflow.dtypes": {"cast": "tf.arrays.cast"},
    "tensorflow.python": {},
    "tensorflow.python.client": {"device_lib": "tf.system.device_lib"},
    "tensorflow.random": {"set_seed": "utils.set_random_seed"},
    "tensorflow.version": {},
    "tensorflow.train": {"latest_checkpoint": "saving.names.latest_checkpoint", **_TRAIN},
    "tensorflow.compat.v1.train": {"latest_checkpoint": "saving.names.latest_checkpoint", **_TRAIN},
}

#: Module -> {name: value} for names that are plain values.
VALUES: dict[str, dict[str, Any]] = {
    "tensorflow": {"newaxis": None},
    "tensorflow.compat.v1": {"AUTO_REUSE": True, "newaxis": None},
    "tensorflow.version": {"VERSION": VERSIONS["tensorflow"], "GIT_VERSION": "pykernels", "GRAPH_DEF_VERSION": 0},
    "tensorflow.data": {"AUTOTUNE": -1, "INFINITE_CARDINALITY": -1, "UNKNOWN_CARDINALITY": -2},
    "tensorflow.data.experimental": {"AUTOTUNE": -1},
}
