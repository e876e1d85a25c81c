"""Every argument of optimizers, schedules, losses, metrics, regularizers, constraints and initializers acts.

`observe_*` returns what such an object does; a row gives a value of the argument for which that differs from the base
case. An argument without a row is red.
"""

from __future__ import annotations

import numpy as np
import pytest
from argument_rows import parameters, same

from pykernels import (
    backend,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)
from pykernels.optimizers import schedules

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype("float32")
Y = RNG.normal(size=(24, 1)).astype("float32")


# --- optimizers --------------------------------------------------------------------------------------------
def observe_optimizer(cls, options):
    utils.set_random_seed(1)
    model = models.Sequential([layers.Input((5,)), layers.Dense(4, "tanh", name="embedding"), layers.Dense(1)])
    optimizer = cls(**options)
    model.compile(optimizer, "mse")
    history = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    seen = [history, [w.numpy() for w in model.weights], optimizer.name, [v.name for v in optimizer.variables]]
    # Keras's Adafactor has a rate of at most 1 / sqrt(t) with and without it: it is kept for files.
    return [*seen, optimizer.relative_step] if cls is optimizers.Adafactor else seen


# --- schedules ---------------------------------------------------------------------------------------------
def observe_schedule(cls, options):
    schedule = cls(**options)
    return [[np.asarray(schedule(step)).tolist() for step in (0, 1, 3, 5, 8, 14, 33)], schedule.name]


# --- losses ------------------------------------------------------------------------------------------------
OUTPUTS = np.random.default_rng(9).normal(size=(6, 5, 3)).astype("float32")
PROBABILITIES = RNG.dirichlet(np.ones(3), (6, 3)).astype("float32")
CLASSES = RNG.integers(0, 3, (6, 3)).astype("int32")
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def targets_of(name):
    return CLASSES if "Sparse" in name or "Generalized" in name else ONE_HOT


def observe_loss(cls, options):
    loss = cls(**options)
    target, predictions, weight = targets_of(cls.__name__), PROBABILITIES, np.arange(6.0)[:, None]
    if cls in (losses.Circle, losses.CTC):
        target, predictions, weight = (
            (target.argmax(-1) if cls is losses.CTC else CLASSES[:, 0]),
            OUTPUTS,
            weight[:, 0],
        )
        predictions = predictions if cls is losses.CTC else predictions[:, 0]
    elif cls in (losses.Dice, losses.Tversky) and options.get("axis") is None:
        weight = None
    result = np.asarray(loss(target, predictions, sample_weight=weight))
    return [result, loss.name, str(loss.dtype)]


# --- metrics -----------------------------------------------------------------------------------------------
LABELS = RNG.integers(0, 2, (40, 3)).astype("float32")
SCORES = (0.3 * LABELS + 0.7 * RNG.uniform(size=(40, 3))).astype("float32")
CURVES = (metrics.AUC, metrics.PrecisionAtRecall, metrics.RecallAtPrecision, metrics.SensitivityAtSpecificity)


def observe_metric(cls, options):
    metric = cls(**options)
    at_once = len(metric.variables)
    if cls in (metrics.Mean, metrics.Sum):
        metric.update_state(PROBABILITIES)
    elif cls in CURVES:
        metric.update_state(LABELS, SCORES)
    elif cls in (metrics.F1Score, metrics.FBetaScore, metrics.R2Score):
        metric.update_state(ONE_HOT[:, 0], PROBABILITIES[:, 0])
    elif cls in (metrics.IoU, metrics.MeanIoU):
        metric.update_state(CLASSES[..., None], PROBABILITIES.argmax(-1)[..., None])
    elif "TopK" in cls.__name__:
        target = CLASSES[:, 0] if "Sparse" in cls.__name__ else ONE_HOT[:, 0]
        metric.update_state(target, PROBABILITIES[:, 0])
    else:
        target = PROBABILITIES.round() if cls is metrics.Accuracy else targets_of(cls.__name__)
        metric.update_state(target, PROBABILITIES)
    return [np.asarray(metric.result()), metric.name, str(metric.dtype), at_once]


# --- what acts on one array --------------------------------------------------------------------------------
WEIGHTS = RNG.normal(scale=2.0, size=(4, 4, 3)).astype("float32")


def observe_function_of_weights(cls, options):
    weights = WEIGHTS[:, :, 0] if cls is regularizers.OrthogonalRegularizer else WEIGHTS
    return [np.asarray(cls(**options)(weights))]


def observe_initializer(cls, options):
    utils.set_random_seed(1)
    return [np.asarray(cls(**options)((8, 8) if cls is initializers.Identity else (4, 8, 6)))]


def classes(module, base):
    """{name: class} of the public classes of a module, the base class left out, each once."""
    public = getattr(module, "__all__", None) or dir(module)
    found = {name: getattr(module, name) for name in public if not name.startswith("_")}
    return {
        n: c for n, c in found.items() if isinstance(c, type) and issubclass(c, base) and c.__name__ == n and c != base
    }


_SCALED = ("VarianceScaling", *(f"{who}{how}" for who in ("Glorot", "He", "Lecun") for how in ("Normal", "Uniform")))

# kind -> (classes, observe, {argument: value}, {class: base case}, {(class, argument): (value, further arguments)},
#          {(class, argument): (value, message of the refusal)})
# The arguments of optimizers around others are shown to act in test_optimizers_around.py.
AROUND = ("LossScaleOptimizer", "MultiOptimizer")
OPTIMIZERS = {n: c for n, c in classes(optimizers, optimizers.Optimizer).items() if n not in AROUND}
KINDS = {
    "optimizer": (
        OPTIMIZERS,
        observe_optimizer,
        {
            "amsgrad": True,
            "adam_beta_1": 0.5,
            "adam_beta_2": 0.5,
            "adam_lr_ratio": 2.0,
            "adam_weight_decay": 0.5,
            "beta": 1.0,
            "beta_1": 0.5,
            "beta_2": 0.5,
            "beta_2_decay": -0.3,
            "centered": True,
            "clip_threshold": 0.1,
            "clipnorm": 0.01,
            "clipvalue": 0.01,
            "ema_momentum": 0.5,
            "ema_overwrite_frequency": 2,
            "epsilon": 0.1,
            "epsilon_1": 0.1,
            "epsilon_2": 0.9,
            "exclude_embeddings": False,
            "exclude_layers": ["kernel"],
            "global_clipnorm": 0.01,
            "gradient_accumulation_steps": 2,
            "initial_accumulator_value": 0.5,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.1,
            "learning_rate": 0.2,
            "learning_rate_power": -0.3,
            "loss_scale_factor": 3.0,
            "momentum": 0.9,
            "muon_a": 3.0,
            "muon_b": -4.7,
            "muon_c": 1.5,
            "name": "other",
            "nesterov": True,
            "ns_steps": 2,
            "relative_step": False,
            "rho": 0.5,
            "rms_rate": 0.5,
            "use_ema": True,
            "warmup_steps": 9,
            "weight_decay": 0.1,
        },
        {},
        {
            **{(name, "ema_momentum"): (0.5, {"use_ema": True}) for name in OPTIMIZERS},
            **{(name, "ema_overwrite_frequency"): (2, {"use_ema": True}) for name in OPTIMIZERS},
            # what does not depend on the gradient's scale at all sees a factor that takes gradients to 0
            **{(name, "loss_scale_factor"): (1e-38, {}) for name in ("Lamb", "Lion")},
            **{(n, c): (1e-38, {}) for n in ("Lamb", "Lion") for c in ("clipnorm", "clipvalue", "global_clipnorm")},
            ("Muon", "nesterov"): (False, {}),
            ("Adam", "amsgrad"): (True, {"learning_rate": 0.3, "beta_2": 0.5}),
            ("AdamW", "amsgrad"): (True, {"learning_rate": 0.3, "beta_2": 0.5}),
            # a step of Adam's kind does not depend on the gradient's scale, but for epsilon
            **{(n, "clipnorm"): (1e-3, {"epsilon": 0.01}) for n in ("Adam", "AdamW", "RMSprop")},
            **{(n, "clipvalue"): (1e-3, {"epsilon": 0.01}) for n in ("Adam", "AdamW", "RMSprop")},
            **{(n, "global_clipnorm"): (1e-3, {"epsilon": 0.01}) for n in ("Adam", "AdamW", "RMSprop")},
            ("SGD", "nesterov"): (True, {"momentum": 0.9}),
        },
        {},
    ),
    "schedule": (
        classes(schedules, schedules.LearningRateSchedule),
        observe_schedule,
        {
            "alpha": 0.3,
            "boundaries": [2, 9],
            "cycle": True,
            "decay_rate": 0.3,
            "decay_steps": 7,
            "end_learning_rate": 0.05,
            "first_decay_steps": 7,
            "initial_learning_rate": 0.2,
            "m_mul": 0.5,
            "name": "other",
            "power": 2.0,
            "staircase": True,
            "t_mul": 3.0,
            "values": [0.3, 0.2, 0.1],
            "warmup_steps": 4,
            "warmup_target": 0.9,
        },
        {
            "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
            "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 4},
            "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5},
            "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5},
            "PiecewiseConstantDecay": {"boundaries": [2, 6], "values": [0.5, 0.2, 0.1]},
            "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
        },
        {
            ("CosineDecay", "warmup_steps"): (4, {"warmup_target": 0.9}),
            ("CosineDecay", "warmup_target"): (0.9, {"warmup_steps": 4}),
        },
        {},
    ),
    "loss": (
        classes(losses, losses.Loss),
        observe_loss,
        {
            "alpha": 0.4,
            "apply_class_balancing": True,
            "axis": 1,
            "beta": 0.4,
            "delta": 0.1,
            "dtype": "float64",
            "from_logits": True,
            "gamma": 1.5,
            "ignore_class": 1,
            "label_smoothing": 0.3,
            "margin": 0.3,
            "name": "other",
            "q": 0.3,
            "reduction": "sum",
            "remove_diagonal": False,
        },
        {"LossFunctionWrapper": {"fn": losses.mean_squared_error}},
        {
            ("LossFunctionWrapper", "fn"): (losses.mean_absolute_error, {}),
            ("BinaryCrossentropy", "axis"): (1, {"reduction": "none"}),
            ("BinaryFocalCrossentropy", "axis"): (1, {"reduction": "none"}),
            **{(name, "reduction"): ("sum", {"axis": 1}) for name in ("Dice", "Tversky")},
            ("BinaryFocalCrossentropy", "alpha"): (0.4, {"apply_class_balancing": True}),
            ("Circle", "remove_diagonal"): (False, {"gamma": 2.0}),
        },
        {},
    ),
    "metric": (
        classes(metrics, metrics.Metric),
        observe_metric,
        {
            "average": "micro",
            "axis": 1,
            "beta": 2.0,
            "class_aggregation": None,
            "class_id": 1,
            "curve": "PR",
            "dtype": "float64",
            "from_logits": True,
            "ignore_class": 1,
            "k": 1,
            "label_smoothing": 0.3,
            "label_weights": [1.0, 2.0, 5.0],
            "multi_label": True,
            "name": "other",
            "num_classes": 2,
            "num_regressors": 1,
            "num_thresholds": 3,
            "precision": 0.9,
            "recall": 0.9,
            "sensitivity": 0.9,
            "specificity": 0.9,
            "sparse_y_pred": False,
            "sparse_y_true": False,
            "summation_method": "minoring",
            "target_class_ids": [0],
            "threshold": 0.9,
            "thresholds": [0.2, 0.6],
            "top_k": 1,
        },
        {
            "IoU": {"num_classes": 3, "target_class_ids": [0, 1]},
            "MeanIoU": {"num_classes": 3},
            "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 1]},
            "OneHotMeanIoU": {"num_classes": 3},
            "PrecisionAtRecall": {"recall": 0.4},
            "RecallAtPrecision": {"precision": 0.8},
            "SensitivityAtSpecificity": {"specificity": 0.4},
            "SpecificityAtSensitivity": {"sensitivity": 0.4},
            "MeanMetricWrapper": {"fn": losses.mean_squared_error},
            "SparseTopKCategoricalAccuracy": {"k": 2},
            "TopKCategoricalAccuracy": {"k": 2},
        },
        {
            ("MeanMetricWrapper", "fn"): (losses.mean_absolute_error, {}),
            ("SparseTopKCategoricalAccuracy", "from_sorted_ids"): (True, {}),
            ("AUC", "num_labels"): (3, {"multi_label": True}),
            ("IoU", "sparse_y_pred"): (False, {"target_class_ids": [0]}),
            ("IoU", "axis"): (1, {"sparse_y_true": False, "sparse_y_pred": False}),
            ("MeanIoU", "axis"): (1, {"sparse_y_true": False, "sparse_y_pred": False}),
        },
        {
            ("OneHotIoU", "sparse_y_pred"): (True, "compares class numbers"),
            ("OneHotMeanIoU", "sparse_y_pred"): (True, "compares class numbers"),
        },
    ),
    "regularizer": (
        classes(regularizers, regularizers.Regularizer),
        observe_function_of_weights,
        {"l1": 0.3, "l2": 0.3, "factor": 0.3, "mode": "columns"},
        {},
        {},
        {},
    ),
    "constraint": (
        classes(constraints, constraints.Constraint),
        observe_function_of_weights,
        {"axis": 2, "max_value": 0.5, "min_value": 3.0, "rate": 0.3},
        {},
        {("MinMaxNorm", "min_value"): (3.0, {"max_value": 4.0})},
        {},
    ),
    "initializer": (
        classes(initializers, initializers.Initializer),
        observe_initializer,
        {
            "distribution": "uniform",
            "gain": 2.0,
            "input_axes": [0],
            "maxval": 0.5,
            "mean": 1.0,
            "minval": -0.5,
            "mode": "fan_out",
            "output_axes": [0],
            "scale": 2.0,
            "seed": 17,
            "stddev": 0.5,
            "value": 3.0,
        },
        {},
        {
            **{(name, "input_axes"): ([0], {"output_axes": [1]}) for name in _SCALED},
            **{(name, "output_axes"): ([0], {"input_axes": [1]}) for name in _SCALED},
        },
        {},
    ),
}
ROWS = [
    (kind, name, argument)
    for kind, (found, *_) in KINDS.items()
    for name, cls in found.items()
    for argument in sorted(parameters(cls))
]


@pytest.mark.parametrize(("kind", "name", "argument"), ROWS)
def test_the_argument_acts(kind, name, argument):
    found, observe, values, bases, special, refused = KINDS[kind]
    cls, options = found[name], dict(bases.get(name, {}))
    if (name, argument) in refused:
        value, message = refused[name, argument]
        with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
            observe(cls, {**options, argument: value})
        return
    assert (name, argument) in special or argument in values, f"no row for {name}({argument}=...)"
    value, also = special.get((name, argument)) or (values[argument], {})
    options = {**options, **also}
    seen = []
    for case in (options, {**options, argument: value}):
        backend.clear_session()  # automatic names start again
        seen.append(observe(cls, case))
    assert not same(*seen)


@pytest.mark.parametrize("kind", KINDS)
def test_observations_are_repeatable_and_rows_belong_to_arguments(kind):
    found, observe, values, bases, special, refused = KINDS[kind]
    for name, cls in found.items():
        options = bases.get(name, {})
        seen = []
        for _ in range(2):
            backend.clear_session()
            seen.append(observe(cls, dict(options)))
        assert same(*seen), name
    arguments = {(name, argument) for k, name, argument in ROWS if k == kind}
    assert {*special, *refused} <= arguments
    assert set(values) <= {argument for _, argument in arguments}
