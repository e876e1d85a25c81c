"""The argument names of earlier Keras versions, as data, and the one helper that applies them.

A leaf module: it imports nothing of the package, so that layers, optimizers and models can use it.
(The names of *modules and classes* of earlier versions are in ``pykernels.compat.tables``.)

How to use it, for a function or an ``__init__`` that has an entry in the tables below::

    @accepts_old_names("Dense")
    def __init__(self, units, activation=None, ...):      # Dense(output_dim=10, init="normal") works

or, where the keyword arguments are already in a dict::

    kwargs = translate("fit", kwargs)                     # {"nb_epoch": 5} -> {"epochs": 5}

What `translate` does with one keyword, in this order:

1. `NEUTRAL`: a value that meant "the default" in its day (``decay=0.0``, ``epsilon=None``) is dropped.
2. `WITHOUT_EFFECT`: a keyword that never changed a result (``theano_mode``) is dropped.
3. `REFUSED`: a keyword that would change the result and has no equivalent raises `TypeError` with the advice.
4. `JOINED`: several old keywords make one new one (``nb_row, nb_col`` -> ``kernel_size``).
5. `SPREAD`: one old keyword makes several (``init`` of a separable convolution).
6. `RENAMED`: the keyword gets its present name, and its value too where `VALUES` has one (``"th"`` ->
   ``"channels_first"``), or `CONVERTED` a function.

An old and a new name for one thing in the same call raise `TypeError`. Unknown keywords pass through: the function
itself rejects them. Nothing here prints or warns.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# --- the tables ------------------------------------------------------------------------------------------------------

_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "W_constraint": "kernel_constraint",
    "b_regularizer": "bias_regularizer",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_IMAGE = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONV = {**_KERNEL, **_IMAGE, "nb_filter": "filters", "subsample": "strides"}
_POOLING_1D = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}
_LOADING = {"max_q_size": "max_queue_size", "nb_worker": "workers", "pickle_safe": "use_multiprocessing"}

#: callable -> {old keyword: present keyword}
RENAMED: dict[str, dict[str, str]] = {
    # layers
    "Dense": {**_KERNEL, "output_dim": "units"},
    "Dropout": {"p": "rate"},
    # of SimpleRNN, LSTM, GRU and their cells
    "RNN": {
        **_KERNEL,
        "output_dim": "units",
        "inner_init": "recurrent_initializer",
        "inner_activation": "recurrent_activation",
        "U_regularizer": "recurrent_regularizer",
        "U_constraint": "recurrent_constraint",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
        "forget_bias_init": "unit_forget_bias",
    },
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Reshape": {"dims": "target_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "BatchNormalization": {
        "beta_init": "beta_initializer",
        "gamma_init": "gamma_initializer",
        "running_mean_initializer": "moving_mean_initializer",
        "running_std_initializer": "moving_variance_initializer",
    },
    # these serve one and two spatial axes
    "Conv2D": {**_CONV, "atrous_rate": "dilation_rate", "filter_length": "kernel_size", "subsample_length": "strides"},
    "Conv2DTranspose": _CONV,
    "DepthwiseConv2D": {**_IMAGE, "subsample": "strides", "bias": "use_bias", "init": "depthwise_initializer"},
    "SeparableConv2D": {
        **_IMAGE,
        "nb_filter": "filters",
        "subsample": "strides",
        "b_regularizer": "bias_regularizer",
        "b_constraint": "bias_constraint",
        "bias": "use_bias",
    },
    "MaxPooling1D": _POOLING_1D,
    "AveragePooling1D": _POOLING_1D,
    "MaxPooling2D": _IMAGE,
    "AveragePooling2D": _IMAGE,
    "GlobalPooling2D": {"dim_ordering": "data_format"},
    "Cropping2D": {"dim_ordering": "data_format"},
    "UpSampling1D": {"length": "size"},
    "UpSampling2D": {"dim_ordering": "data_format"},
    "UpSampling3D": {"dim_ordering": "data_format"},
    "ZeroPadding2D": {"dim_ordering": "data_format"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "AlphaDropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    # optimizers
    "Optimizer": {"lr": "learning_rate"},
    "add_variable_from_reference": {
        "model_variable": "reference_variable",
        "variable_name": "name",
        "initial_value": "initializer",
    },
    # regularizers and constraints
    "L1": {"l": "l1"},
    "L2": {"l": "l2"},
    "MaxNorm": {"m": "max_value"},
    # models
    "Model": {"input": "inputs", "output": "outputs"},
    "fit": {**_LOADING, "nb_epoch": "epochs", "X": "x", "Y": "y"},
    "fit_generator": {**_LOADING, "nb_epoch": "epochs", "generator": "x"},
    "evaluate": {**_LOADING, "X": "x", "Y": "y"},
    "evaluate_generator": {**_LOADING, "generator": "x"},
    "predict": {**_LOADING, "X": "x"},
    "predict_generator": {**_LOADING, "generator": "x"},
    "train_on_batch": {"X": "x", "Y": "y"},
    "test_on_batch": {"X": "x", "Y": "y"},
    "predict_on_batch": {"X": "x"},
    # images
    "ImageDataGenerator": {"dim_ordering": "data_format"},
    # utilities
    "Tokenizer": {"nb_words": "num_words"},
    "load_data": {"nb_words": "num_words"},
    "to_categorical": {"nb_classes": "num_classes"},
}

#: callable -> {present keyword: the old keywords that make it, in order}
JOINED: dict[str, dict[str, tuple[str, ...]]] = {
    name: {"kernel_size": ("nb_row", "nb_col")} for name in ("Conv2D", "Conv2DTranspose", "SeparableConv2D")
}

#: callable -> {old keyword: the present keywords that all get its value}
SPREAD: dict[str, dict[str, tuple[str, ...]]] = {
    "SeparableConv2D": {"init": ("depthwise_initializer", "pointwise_initializer")},
}

#: present keyword -> {old value: present value}
VALUES: dict[str, dict[str, str]] = {"data_format": {"th": "channels_first", "tf": "channels_last"}}

#: callable -> {old keyword: what makes the present value of its value}
CONVERTED: dict[str, dict[str, Callable[[Any], Any]]] = {
    "RNN": {"forget_bias_init": lambda value: value != "zero" if isinstance(value, str) else value},
    "Optimizer": {"lr": lambda value: float(value) if type(value) is int else value},  # lr=1, which Keras 3 refuses
}

#: callable -> {keyword: the values that meant "the default"}
NEUTRAL: dict[str, dict[str, tuple[Any, ...]]] = {
    "Optimizer": {"decay": (0, None), "epsilon": (None,)},
    "add_variable_from_reference": {"initial_value": (None,), "shape": (None,)},
    **{
        name: {"dim_ordering": ("default", None)}
        for name in RENAMED
        if RENAMED[name].get("dim_ordering") == "data_format"
    },
    "BatchNormalization": {"mode": (0,)},
    "Embedding": {"dropout": (0, None)},
    "compile": {"sample_weight_mode": (None,), "target_tensors": (None,)},
}

_SEPARABLE = "Keras 2 took it and used it for nothing; pass depthwise_... and pointwise_..."

#: callable -> {keyword: why it can be dropped}
WITHOUT_EFFECT: dict[str, dict[str, str]] = {
    "Optimizer": {"jit_compile": "each step is compiled"},
    "RNN": {"consume_less": "the sequence is one op whatever it says"},
    "SeparableConv2D": dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"), _SEPARABLE),
    "compile": {
        "theano_mode": "there is no Theano",
        "class_mode": "the accuracy is chosen by the shapes of target and output",
    },
}

#: callable -> {keyword: what to do instead}
REFUSED: dict[str, dict[str, str]] = {
    "BatchNormalization": {"mode": "use the default, 0: normalization of each feature over the batch"},
    "Embedding": {"dropout": "put SpatialDropout1D behind the layer, or Dropout(noise_shape=...)"},
    "Conv2DTranspose": {"output_shape": "it follows from strides and padding; output_padding adds rows and columns"},
}

#: Keywords of Keras 1 that count samples where later versions count batches. `translate` leaves them alone: only the
#: caller knows the batch size (``steps = ceil(samples / batch_size)``).
SAMPLE_COUNTS: dict[str, str] = {
    "samples_per_epoch": "steps_per_epoch",
    "nb_val_samples": "validation_steps",
    "val_samples": "steps",
}

#: Keys of logs and ``History.history``: both spellings answer. Old -> present.
LOG_NAMES: dict[str, str] = {"acc": "accuracy", "val_acc": "val_accuracy", "lr": "learning_rate"}

#: Names of one metric, any of which finds it in logs and in ``History.history``, behind "val_" and an output's name
#: too: before version 2.3 (tf.keras: 2.0) Keras wrote names in full that were given in short.
METRIC_NAMES: tuple[tuple[str, ...], ...] = (
    ("acc", "accuracy"),
    ("lr", "learning_rate"),
    ("mae", "MAE", "mean_absolute_error"),
    ("mse", "MSE", "mean_squared_error"),
    ("mape", "MAPE", "mean_absolute_percentage_error"),
    ("msle", "MSLE", "mean_squared_logarithmic_error"),
    ("kld", "KLD", "kullback_leibler_divergence", "kl_divergence"),
    ("cosine", "cosine_proximity", "cosine_similarity"),
    ("bce", "BCE", "binary_crossentropy"),
)

# --- the helper ------------------------------------------------------------------------------------------------------


def _concerned(name: str) -> frozenset[str]:
    joined = (old for olds in JOINED.get(name, {}).values() for old in olds)
    tables = (RENAMED, SPREAD, NEUTRAL, WITHOUT_EFFECT, REFUSED)
    return frozenset(joined).union(*(table.get(name, {}) for table in tables))


_CONCERNED = {name: _concerned(name) for table in (RENAMED, NEUTRAL, WITHOUT_EFFECT, REFUSED) for name in table}


def _is_neutral(value: Any, neutral: tuple[Any, ...]) -> bool:
    return any(value is v or (isinstance(value, (int, float, str)) and value == v) for v in neutral)


def _join(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    for new, olds in JOINED.get(name, {}).items():
        given = [old for old in olds if old in kwargs]
        if not given:
            continue
        if len(given) < len(olds):
            raise TypeError(f"{name}() takes {' and '.join(olds)} together; got only {', '.join(given)}")
        if new in kwargs:
            raise TypeError(f"{name}() got both {new!r} and its older form {', '.join(olds)}; keep {new!r}")
        kwargs = {**kwargs, new: tuple(kwargs[old] for old in olds)}
        kwargs = {key: value for key, value in kwargs.items() if key not in olds}
    return kwargs


def translate(callable_name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of any Keras era as those of today.

    Args:
        callable_name: name of the class or method, a key of the tables (``"Dense"``, ``"SGD"``, ``"fit"``). A name
            without an entry leaves everything as it is.
        kwargs: keyword arguments as the user wrote them; not changed.

    Returns:
        `kwargs` itself when nothing is to be done, a new dict otherwise.

    Raises:
        TypeError: an old and a new spelling of one argument, or a keyword that pykernels cannot honour.
    """
    concerned = _CONCERNED.get(callable_name)
    if concerned is None or concerned.isdisjoint(kwargs):
        return kwargs
    neutral = NEUTRAL.get(callable_name, {})
    without_effect = WITHOUT_EFFECT.get(callable_name, {})
    refused = REFUSED.get(callable_name, {})
    renamed, spread = RENAMED.get(callable_name, {}), SPREAD.get(callable_name, {})
    converted = CONVERTED.get(callable_name, {})
    result: dict[str, Any] = {}
    for old, value in _join(callable_name, kwargs).items():
        if old in without_effect or (old in neutral and _is_neutral(value, neutral[old])):
            continue
        if old in refused:
            raise TypeError(f"{callable_name}() does not take {old!r} (got {value!r}): {refused[old]}")
        for new in spread.get(old, (renamed.get(old, old),)):
            if new in result or (new != old and new in kwargs):
                raise TypeError(f"{callable_name}() got both {new!r} and {old!r}, its older name; keep {new!r}")
            result[new] = VALUES.get(new, {}).get(value, value) if isinstance(value, str) else value
            if old in converted:
                result[new] = converted[old](value)
    return result


def accepts_old_names(callable_name: str) -> Callable[[F], F]:
    """Decorator: the function takes the keywords of earlier Keras versions too (see `translate`).

    Raises:
        KeyError: when the tables have nothing for `callable_name` (then the decorator is a mistake).
    """
    if callable_name not in _CONCERNED:
        raise KeyError(f"pykernels.compat.arguments has no entry for {callable_name!r}")

    def decorate(function: F) -> F:
        code = getattr(function, "__wrapped__", function).__code__
        parameters = code.co_varnames[: code.co_argcount]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            translated = translate(callable_name, kwargs)
            if translated is not kwargs:
                twice = set(parameters[: len(args)]) & (translated.keys() - kwargs.keys())
                if twice:
                    new, old = twice.pop(), ", ".join(sorted(kwargs.keys() - translated.keys()))
                    raise TypeError(
                        f"{function.__qualname__}() got both {new!r} and {old!r}, its older name; keep {new!r}"
                    )
            return function(*args, **translated)

        wrapper.old_names = _CONCERNED[callable_name]  # type: ignore[attr-defined]
        wrapper.renamed = RENAMED.get(callable_name, {})  # type: ignore[attr-defined]
        return wrapper  # type: ignore[return-value]

    return decorate
