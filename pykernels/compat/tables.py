"""What the import hook knows, as data. The hook itself (`pykernels.compat.hook`) knows no name.

Module paths are written without their root: ``"layers.core"`` stands for ``keras.layers.core``,
``tensorflow.keras.layers.core`` and so on; ``""`` is the root itself. Targets are written without ``pykernels.``.
(Argument names of earlier versions are in `pykernels.compat.arguments`.)
"""

from __future__ import annotations

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
    "tensorflow.compat.v2.keras",
    "tf_keras",
)

#: Packages of their own that Keras was made of -> pykernels module that serves them.
PACKAGES: dict[str, str] = {
    "keras_applications": "applications",
    "keras_preprocessing": "preprocessing",
    "keras_preprocessing.image": "preprocessing.image",
}

#: Keras module -> pykernels module that serves it.
MODULES: dict[str, str] = {
    "": "",
    "activations": "activations",
    "applications": "applications",
    "applications.densenet": "applications.densenet",
    "applications.imagenet_utils": "applications.imagenet_utils",
    "applications.mobilenet": "applications.mobilenet",
    "applications.mobilenet_v2": "applications.mobilenet_v2",
    "applications.resnet": "applications.resnet",
    "applications.resnet50": "applications.resnet50",
    "applications.resnet_v2": "applications.resnet_v2",
    "applications.vgg16": "applications.vgg16",
    "applications.vgg19": "applications.vgg19",
    "backend": "backend",
    "backend.common": "backend",
    "backend.tensorflow_backend": "backend",
    "callbacks": "callbacks",
    "config": "config",
    "constraints": "constraints",
    "datasets": "datasets",
    "datasets.digits": "datasets.digits",
    "datasets.fashion_mnist": "datasets.fashion_mnist",
    "datasets.mnist": "datasets.mnist",
    "engine": "layers",
    "engine.base_layer": "layers",
    "engine.input_layer": "layers",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "initializations": "initializers",
    "initializers": "initializers",
    "initializers.initializers_v1": "initializers",
    "initializers.initializers_v2": "initializers",
    "layers": "layers",
    "layers.activation": "layers",
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.core": "layers",
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
    "losses": "losses",
    "metrics": "metrics",
    "models": "models",
    "objectives": "losses",
    "ops": "ops",
    "ops.image": "ops.image",
    "optimizers": "optimizers",
    "optimizers.legacy": "optimizers",
    "optimizers.optimizer_v2": "optimizers",
    "optimizer_v1": "optimizers",
    "optimizer_v2": "optimizers",
    "optimizer_v2.adam": "optimizers",
    "optimizer_v2.gradient_descent": "optimizers",
    "optimizer_v2.rmsprop": "optimizers",
    "preprocessing": "preprocessing",
    "preprocessing.image": "preprocessing.image",
    "random": "random",
    "regularizers": "regularizers",
    "utils": "utils",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.image_utils": "utils",
    "utils.io_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.np_utils": "utils",
    "utils.vis_utils": "utils",
    "utils.visualize_util": "utils",
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
        "Variable": "graph.Variable",
        "KerasTensor": "graph.Tensor",
    },
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
        **_CONVOLUTIONS,
        "Model": "models.Model",
        "Sequential": "models.Sequential",
    },
    "losses": _SHORT_LOSSES,
    "metrics": _SHORT_LOSSES,
    "models": {"Input": "layers.Input"},
    "optimizers": {
        "sgd": "optimizers.SGD",
        "rmsprop": "optimizers.RMSprop",
        "RMSProp": "optimizers.RMSprop",
        "adam": "optimizers.Adam",
        "adagrad": "optimizers.Adagrad",
        "adadelta": "optimizers.Adadelta",
        "adamax": "optimizers.Adamax",
        "nadam": "optimizers.Nadam",
    },
    "utils": {
        "clear_session": "backend.clear_session",
        "model_to_dot": "visualization.model_to_dot",
        "plot": "visualization.plot_model",
        "plot_model": "visualization.plot_model",
    },
}

_POOLING = " ".join(f"{p}3D Global{p}3D" for p in ("MaxPooling", "AveragePooling"))

#: pykernels module -> names that Keras has there and pykernels has not. They can still be imported (lessons import much
#: that they never use) and raise when used; any other unknown name fails at the import.
KERAS_NAMES: dict[str, str] = {
    "": "Function Operation",
    "applications": """
        ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge EfficientNetB0 EfficientNetB1
        EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B0
        EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M EfficientNetV2S
        InceptionResNetV2 InceptionV3 MobileNetV3Large MobileNetV3Small NASNetLarge NASNetMobile Xception
    """,
    "layers": f"""
        {_POOLING} ActivityRegularization AdditiveAttention Attention Bidirectional CategoryEncoding
        Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping3D Discretization EinsumDense Embedding
        Equalization GRU GRUCell GroupQueryAttention HashedCrossing Hashing Highway Identity IntegerLookup LSTM
        LSTMCell LocallyConnected1D LocallyConnected2D Masking MaxoutDense Merge MultiHeadAttention RNN
        RandAugment RandomColorJitter RandomHue SimpleRNN SimpleRNNCell SpatialDropout3D
        SpectralNormalization StackedRNNCells StringLookup TextVectorization ThresholdedReLU TimeDistributed
        TimeDistributedDense Wrapper ZeroPadding3D
    """,
    "models": "Graph model_from_yaml",
    "optimizers": "Adadelta Adafactor Adagrad Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam TFOptimizer",
    "losses": """
        BinaryFocalCrossentropy CTC CategoricalFocalCrossentropy CategoricalHinge CosineSimilarity Dice Hinge Huber
        KLDivergence LogCosh MeanAbsolutePercentageError MeanSquaredLogarithmicError Poisson SquaredHinge Tversky
        categorical_hinge cosine_proximity cosine_similarity hinge huber kl_divergence kullback_leibler_divergence
        log_cosh logcosh mean_absolute_percentage_error mean_squared_logarithmic_error poisson squared_hinge
    """,
    "metrics": """
        AUC BinaryIoU CategoricalHinge CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge IoU
        KLDivergence LogCoshError MeanAbsolutePercentageError MeanIoU MeanSquaredLogarithmicError OneHotIoU
        OneHotMeanIoU Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision SensitivityAtSpecificity
        SpecificityAtSensitivity SquaredHinge TrueNegatives TruePositives
    """,
    "callbacks": "BaseLogger RemoteMonitor SwapEMAWeights TensorBoard",
    "datasets": "boston_housing california_housing cifar10 cifar100 imdb reuters",
    "preprocessing": "sequence text",
    "regularizers": "WeightRegularizer activity_l2",
    "utils": """
        FeatureSpace HDF5Matrix audio_dataset_from_directory
        layer_from_config multi_gpu_model pad_sequences split_dataset text_dataset_from_directory
        timeseries_dataset_from_array
    """,
    "backend": "function set_learning_phase set_session get_session manual_variable_initialization",
}

#: Advice for what is missing, by pykernels target; the longest matching beginning is used.
INSTEAD: dict[str, str] = {
    "applications": (
        "there are VGG16, VGG19, ResNet50 to 152 (V2 too), MobileNet, MobileNetV2, DenseNet121 to 201, SqueezeNet"
    ),
    "backend.get_session": "there is no session: arrays are computed at once",
    "backend.set_session": "drop the line; for the number of threads set OMP_NUM_THREADS",
    "callbacks.TensorBoard": "model.fit() returns a History; pykernels.visualization.plot_history draws it",
    "datasets": "load the arrays with numpy.load and pass them to fit()",
    "layers.ThresholdedReLU": "use keras.layers.ReLU(threshold=theta)",
    "models.Graph": "the class left Keras with version 1",
    "models.model_from_yaml": "use model.to_json() and model_from_json(): YAML files can run code",
    "tensorflow": "pykernels serves tensorflow.keras; of TensorFlow itself it has only a few names",
    "tensorflow.ConfigProto": "drop the line; for the number of threads set OMP_NUM_THREADS",
    "tensorflow.GradientTape": "use model.fit() with a custom loss, or pykernels.graph.gradients",
    "tensorflow.Session": "there is no session: drop the lines that make and set it",
    "tensorflow.compat": "drop the lines that choose TensorFlow 1 behaviour",
    "tensorflow.data": "pass NumPy arrays or a Python generator of batches to fit()",
    "wrappers": "write a small class with fit/predict around the model",
}

# --- TensorFlow's own names: enough for scripts that need it only to reach Keras ------------------------------------

_UNARY = "abs exp log sqrt square sin cos tanh sigmoid round sign floor ceil erf"
_ACTIVATIONS = "relu relu6 elu selu gelu leaky_relu sigmoid softmax log_softmax softplus softsign tanh silu"
_MATH = {
    **{name: f"ops.{name}" for name in f"{_UNARY} add subtract multiply divide maximum minimum".split()},
    "pow": "ops.power",
    "reduce_sum": "ops.sum",
    "reduce_mean": "ops.mean",
    "reduce_max": "ops.max",
    "reduce_min": "ops.min",
    "reduce_prod": "ops.prod",
    "argmax": "ops.argmax",
    "argmin": "ops.argmin",
    "equal": "ops.equal",
    "greater": "ops.greater",
    "less": "ops.less",
}

#: TensorFlow module -> {name: where pykernels has it}.
TENSORFLOW: dict[str, dict[str, str]] = {
    "tensorflow": {
        **_MATH,
        "cast": "ops.cast",
        "concat": "ops.concatenate",
        "expand_dims": "ops.expand_dims",
        "matmul": "ops.matmul",
        "one_hot": "ops.one_hot",
        "reshape": "ops.reshape",
        "squeeze": "ops.squeeze",
        "transpose": "ops.transpose",
        "where": "ops.where",
        "zeros_like": "ops.zeros_like",
        "TensorSpec": "preprocessing.elements.TensorSpec",
        "ones_like": "ops.ones_like",
        "initializers": "initializers",
        "losses": "losses",
        "metrics": "metrics",
        "optimizers": "optimizers",
    },
    "tensorflow.compat": {},
    "tensorflow.compat.v2": {},
    "tensorflow.data": {"Dataset": "preprocessing.streams.Stream"},
    "tensorflow.data.experimental": {"cardinality": "preprocessing.streams.cardinality"},
    "tensorflow.math": _MATH,
    "tensorflow.nn": {name: f"activations.{name}" for name in _ACTIVATIONS.split()},
    "tensorflow.python": {},
    "tensorflow.random": {"set_seed": "utils.set_random_seed"},
}

_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64"

#: Module -> {name: value} for names that are plain values.
VALUES: dict[str, dict[str, Any]] = {
    "tensorflow": {"newaxis": None, **{name: name for name in _DTYPES.split()}},
    "tensorflow.data": {"AUTOTUNE": -1, "INFINITE_CARDINALITY": -1, "UNKNOWN_CARDINALITY": -2},
    "tensorflow.data.experimental": {"AUTOTUNE": -1},
}
