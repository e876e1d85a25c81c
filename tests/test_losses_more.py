"""The losses beside the errors and crossentropies of test_losses.py: values and gradients beside Keras's."""

import inspect
import itertools
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from pykernels import layers, losses, models, ops  # noqa: E402
from pykernels.graph import Trace, gradients  # noqa: E402


def draw(kind, shape, seed=0):
    """(y_true, y_pred) of a kind."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=shape).astype("float32")
    n = shape[-1]
    softmax = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-z))
    if kind == "numbers":
        return rng.normal(size=shape).astype("float32") * 2, z
    if kind == "counts":
        return rng.poisson(3, shape).astype("float32"), np.exp(z)
    if kind == "signs":
        return np.where(rng.random(shape) < 0.5, -1, 1).astype("float32"), z
    if kind == "bits":
        return rng.integers(0, 2, shape).astype("float32"), sigmoid
    if kind == "bit logits":
        return rng.integers(0, 2, shape).astype("float32"), z
    if kind == "one hot":
        return np.eye(n, dtype="float32")[rng.integers(0, n, shape[:-1])], softmax
    if kind == "one hot logits":
        return np.eye(n, dtype="float32")[rng.integers(0, n, shape[:-1])], z
    if kind == "distributions":
        return np.eye(n, dtype="float32")[rng.integers(0, n, shape[:-1])] * 0.9 + 0.1 / n, softmax
    if kind == "classes":
        return rng.integers(0, n, shape[:-1]).astype("int32"), softmax
    if kind == "embeddings":
        return rng.integers(0, 3, shape[:-1]).astype("int32"), z / np.linalg.norm(z, axis=-1, keepdims=True)
    assert kind == "sequences"
    labels = rng.integers(1, n, (shape[0], 4)).astype("int32")
    labels[0, 2:] = 0  # a shorter one
    labels[1, 1] = labels[1, 0]  # one that repeats
    return labels, z * 2


# function, class, options, kind of data, shapes
ONE, MORE = ((5, 3),), ((7, 1), (2, 3, 4))
CASES = [
    ("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, "numbers", MORE),
    ("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, "counts", MORE),
    ("cosine_similarity", "CosineSimilarity", {}, "numbers", MORE),
    ("cosine_similarity", "CosineSimilarity", {"axis": 1}, "numbers", ((2, 3, 4),)),
    ("huber", "Huber", {}, "numbers", MORE),
    ("huber", "Huber", {"delta": 0.3}, "numbers", ONE),
    ("log_cosh", "LogCosh", {}, "numbers", MORE),
    ("hinge", "Hinge", {}, "signs", MORE),
    ("hinge", "Hinge", {}, "bits", ONE),
    ("squared_hinge", "SquaredHinge", {}, "signs", MORE),
    ("squared_hinge", "SquaredHinge", {}, "bits", ONE),
    ("categorical_hinge", "CategoricalHinge", {}, "one hot logits", ((7, 2), (2, 3, 4))),
    ("kl_divergence", "KLDivergence", {}, "distributions", ((7, 2), (2, 3, 4))),
    ("kl_divergence", "KLDivergence", {}, "one hot", ONE),
    ("poisson", "Poisson", {}, "counts", MORE),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, "bits", MORE),
    (
        "binary_focal_crossentropy",
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1, "from_logits": True},
        "bit logits",
        ONE,
    ),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {"axis": 1}, "bits", ((2, 3, 4),)),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {}, "one hot", ((2, 3, 4),)),
    (
        "categorical_focal_crossentropy",
        "CategoricalFocalCrossentropy",
        {"alpha": [0.2, 0.3, 0.5], "gamma": 1.5, "label_smoothing": 0.1, "from_logits": True},
        "one hot logits",
        ONE,
    ),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {"axis": 1}, "one hot", ((2, 3, 4),)),
    (
        "categorical_generalized_cross_entropy",
        "CategoricalGeneralizedCrossEntropy",
        {"q": 0.3},
        "classes",
        ((5, 3), (2, 3, 4)),
    ),
    ("dice", "Dice", {}, "bits", MORE),
    ("dice", "Dice", {"axis": (1, 2)}, "bits", ((2, 3, 4),)),
    ("tversky", "Tversky", {}, "bits", MORE),
    ("tversky", "Tversky", {"alpha": 0.2, "beta": 0.7, "axis": (1, 2)}, "bits", ((2, 3, 4),)),
    ("circle", "Circle", {}, "embeddings", ((6, 4),)),
    ("circle", "Circle", {"gamma": 20.0, "margin": 0.3, "remove_diagonal": False}, "embeddings", ((6, 4),)),
    ("ctc", "CTC", {}, "sequences", ((3, 9, 5),)),
]
ROWS = [(f, c, o, kind, shape) for f, c, o, kind, shapes in CASES for shape in shapes]


@pytest.mark.parametrize(("function", "cls", "options", "kind", "shape"), ROWS)
def test_values_and_gradients(function, cls, options, kind, shape):
    y, x = draw(kind, shape)
    ours = getattr(losses, function)(y, x, **options)
    weight = np.cos(np.arange(ours.size)).reshape(ours.shape).astype("float32")

    def weighted(x):
        loss = getattr(keras.losses, function)(y, x, **options)
        return jax.numpy.sum(loss * weight), loss

    (_, theirs), expected = jax.jit(jax.value_and_grad(weighted, has_aux=True))(x)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    with Trace() as trace:
        a, b = (trace.placeholder(v.shape, str(v.dtype), "p") for v in (y, x))
        loss = getattr(losses, function)(a, b, **options)
        program = trace.build(outputs=[loss, gradients(ops.sum(loss * weight), [b])[0]])
    value, gradient = program.run([y, x])
    np.testing.assert_allclose(value, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()) + 1e-6)


@pytest.mark.parametrize(("function", "cls", "options", "kind", "shape"), [(*row[:4], row[4][-1]) for row in CASES])
def test_classes(function, cls, options, kind, shape):
    """Weights, the mean, configurations and signatures."""
    ours_cls, theirs_cls = getattr(losses, cls), getattr(keras.losses, cls)
    assert [(p.name, p.default) for p in inspect.signature(ours_cls).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(theirs_cls).parameters.values()
    ]
    y, x = draw(kind, shape)
    ours, theirs = ours_cls(**options), theirs_cls(**options)
    weights = np.linspace(0, 2, shape[0]).astype("float32").reshape(-1, *[1] * (len(shape) - 2))
    weights = weights if np.ndim(getattr(losses, function)(y, x, **options)) else None
    expected = jax.jit(lambda x: theirs(y, x, sample_weight=weights))(x)
    np.testing.assert_allclose(ours(y, x, sample_weight=weights), expected, rtol=1e-5, atol=1e-6)
    config = ours.get_config()
    kept = {k: v for k, v in config.items() if k in theirs.get_config()}
    assert kept == theirs.get_config()
    again = losses.deserialize(losses.serialize(ours))
    assert type(again) is ours_cls and again.get_config() == config
    np.testing.assert_allclose(again(y, x), ours(y, x), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "of_today"),
    [
        *[(alias, "mean_absolute_percentage_error") for alias in ("mape", "MAPE")],
        *[(alias, "mean_squared_logarithmic_error") for alias in ("msle", "MSLE")],
        *[(alias, "kl_divergence") for alias in ("kld", "KLD", "kullback_leibler_divergence", "KLDivergence")],
        *[(alias, "cosine_similarity") for alias in ("cosine_proximity", "cosine", "CosineSimilarity")],
        *[(alias, "log_cosh") for alias in ("logcosh", "LogCosh")],
        *[(alias, "huber") for alias in ("huber_loss", "Huber")],
        *[(name, name) for name in dict.fromkeys(row[0] for row in CASES) if "generalized" not in name],
        *[(row[1], row[0]) for row in CASES if not row[2]],
    ],
)
def test_names_of_every_era(name, of_today):
    kind, shape = next((row[3], row[4][0]) for row in CASES if row[0] == of_today)
    y, x = draw(kind, shape)
    expected = getattr(losses, of_today)(y, x)
    if name in {row[1] for row in CASES}:
        expected = getattr(losses, name)()(y, x)
    np.testing.assert_array_equal(losses.get(name)(y, x), expected)
    assert getattr(losses, name) is not None


def test_reductions_by_the_names_of_tf_keras():
    Reduction = losses.Reduction  # noqa: N806
    y, x = draw("bits", (5, 3))
    for name, shape in (("NONE", (5,)), ("SUM", ()), ("AUTO", ()), ("SUM_OVER_BATCH_SIZE", ())):
        value = losses.BinaryCrossentropy(reduction=getattr(Reduction, name))(y, x)
        assert value.shape == shape
    np.testing.assert_allclose(losses.Huber(reduction=Reduction.AUTO)(y, x), losses.Huber()(y, x))
    Reduction.validate("none")
    with pytest.raises(ValueError, match="Expected one of"):
        Reduction.validate("most")


def test_a_model_learns_with_them():
    """`compile` takes the names, and the loss falls."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x @ rng.normal(size=(4, 2)) > 0).astype("float32")
    for name in ("msle", "huber", "log_cosh", "hinge", "kld", "poisson", "binary_focal_crossentropy", "Dice", "cosine"):
        model = models.Sequential([layers.Input((4,)), layers.Dense(2, "sigmoid")])
        model.compile("nadam", name)
        model.optimizer.learning_rate = 0.05
        history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
        assert history[-1] < history[0], name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda k: k.losses.CategoricalGeneralizedCrossEntropy(q=1.5), "interval"),
        (lambda k: k.losses.ctc(np.zeros(3), np.zeros((3, 4, 5))), "Targets `y_true`"),
        (lambda k: k.losses.ctc(np.zeros((3, 2)), np.zeros((3, 5))), "Logits `y_pred`"),
        (lambda k: k.losses.get("hing"), "Could not interpret loss"),
        (lambda k: k.losses.categorical_focal_crossentropy(np.zeros((2, 2)), np.zeros((2, 2)), axis=True), "axis"),
    ],
)
def test_errors_are_of_the_types_of_keras(make, message):
    class Mine:
        losses = losses

    for library in (keras, Mine):
        with pytest.raises(ValueError, match=message):
            make(library)


def brute_force_ctc(x, labels, blank):
    """-log of the summed probabilities of all paths that read as `labels`."""
    log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
    total = -np.inf
    for path in itertools.product(range(x.shape[1]), repeat=len(x)):
        read = [c for c, _ in itertools.groupby(path) if c != blank]
        if read == list(labels):
            total = np.logaddexp(total, sum(log_p[t, c] for t, c in enumerate(path)))
    return -total


@pytest.mark.parametrize("blank", [0, 1, 3])
def test_ctc_lengths_and_blanks(blank):
    x = np.random.default_rng(3).normal(size=(3, 5, 4)).astype("float32")
    a, b = [c for c in range(4) if c != blank][:2]
    labels, lengths, steps = np.array([[a, b, a], [b, b, 0], [0, 0, 0]]), np.array([3, 2, 0]), np.array([5, 4, 3])
    expected = [brute_force_ctc(x[i, : steps[i]], labels[i, : lengths[i]], blank) for i in range(3)]
    np.testing.assert_allclose(ops.ctc_loss(labels, x, lengths, steps, mask_index=blank), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="`mask_index` must be one of the 4 classes"):
        ops.ctc_loss(labels, x, lengths, steps, mask_index=4)


def test_labels_that_do_not_fit_into_the_steps_cost_much():
    """1e5 or more, as in Keras on JAX; infinite in theory."""
    loss = losses.ctc(*draw("sequences", (3, 3, 5)))  # 2, 5 (with a blank) and 4 steps are needed
    np.testing.assert_allclose(np.round(np.asarray(loss) / 1e5), [0, 1, 1])
