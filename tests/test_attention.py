"""Attention layers and EinsumDense against Keras (JAX): training, masks, scores, files, ONNX, what is refused."""

import numpy as np
import pytest
from oracle import assert_close, keras, pk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 3)).astype("float32")
Y = RNG.normal(size=(6, 5, 3)).astype("float32")
WORDS = RNG.integers(1, 9, (6, 5))
WORDS[0, 3:], WORDS[1, :2], WORDS[3] = 0, 0, 0


@pytest.fixture(autouse=True)
def _weights_that_cost_nothing(monkeypatch):
    """XLA compiles random numbers for each shape of Keras's weights."""
    for name in ("GlorotUniform", "RandomUniform"):
        cls = getattr(keras.initializers, name)
        monkeypatch.setattr(cls, "__call__", lambda self, shape, dtype=None: _some(shape))


def _some(shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32") * 0.4


def trained(build, x, y=Y):
    """Ten steps of gradient descent (Adam divides by the gradient of a key's bias, which is 0 but for rounding)."""
    found, weights = [], None
    for library in (keras, pk):
        model = build(library)
        if weights is None:
            rng = np.random.default_rng(3)
            weights = [0.4 * rng.normal(size=w.shape).astype("float32") for w in model.get_weights()]
        model.set_weights(weights)
        model.compile("sgd", "mse")
        losses = model.fit(x, y, batch_size=6, epochs=10, shuffle=False, verbose=0).history["loss"]
        found.append([np.array(losses), model.predict(x, verbose=0), *model.get_weights()])
    for want, have in zip(*found, strict=True):
        assert_close(have, want, "a result")


def self_attention(library, call=None, **options):
    x = library.Input((5, 3))
    return library.Model(x, library.layers.MultiHeadAttention(2, 4, **options)(x, x, **(call or {})))


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({}, {"use_causal_mask": True}),
        ({"use_bias": False, "output_shape": 3, "kernel_regularizer": "l2"}, {}),
        ({"use_gate": True, "sliding_window": 2}, {}),
    ],
)
def test_heads(options, call):
    trained(lambda library: self_attention(library, call, **options), X)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_masks_of_the_inputs():
    """On the right, on the left, everywhere; with a causal one."""

    def build(library):
        words = library.Input((5,))
        x = library.layers.Embedding(9, 3, mask_zero=True)(words)
        y = library.layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
        z = library.layers.Attention(use_scale=True, score_mode="concat")([x, y, x])
        return library.Model(words, library.layers.AdditiveAttention()([z, x]))

    trained(build, WORDS)


def test_scores_and_other_axes():
    x = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
    mask = RNG.random((2, 5, 5)) < 0.7
    for shape, options, call in (
        (x, {"attention_axes": 2, "value_dim": 3}, {}),
        (X[:2], {"dropout": 0.2}, {"attention_mask": mask}),
    ):
        ours, theirs = (library.layers.MultiHeadAttention(2, 4, **options) for library in (pk, keras))
        theirs(shape, shape)
        ours(shape, shape)
        ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
        results = [layer(shape, shape, return_attention_scores=True, **call) for layer in (ours, theirs)]
        for have, want in zip(*results, strict=True):
            assert_close(have, want, "output or scores")
    dropped = ours(X[:2], X[:2], training=True)
    assert np.abs(np.asarray(dropped) - np.asarray(ours(X[:2], X[:2]))).max() > 1e-3


@pytest.mark.parametrize(
    ("equation", "shape", "bias"),
    [("abc,cd->abd", (None, 4), "d"), ("...c,cd->...d", 4, None), ("abc,cde->abde", (5, 2, 3), "de")],
)
def test_einsum_dense(equation, shape, bias):
    ours, theirs = (
        library.layers.EinsumDense(equation, shape, bias_axes=bias, activation="tanh", name="e")
        for library in (pk, keras)
    )
    theirs(X)
    ours(X)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    assert_close(ours(X), theirs(X), equation)
    config = theirs.get_config()
    assert {k: v for k, v in config.items() if k in ours.get_config()} == ours.get_config()


def block(library):
    """A transformer block on words."""
    layers = library.layers
    words = library.Input((5,))
    x = layers.Embedding(9, 4)(words)
    y = layers.MultiHeadAttention(2, 3)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.EinsumDense("abc,cd->abd", (None, 4), activation="relu", bias_axes="d")(x)
    return library.Model(words, layers.GlobalAveragePooling1D()(layers.Add()([x, y])))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_files_both_ways(ending, tmp_path):
    theirs = block(keras)
    want = theirs.predict(WORDS, verbose=0)
    path = str(tmp_path / f"model.{ending}")
    theirs.save(path)
    ours = pk.models.load_model(path, compile=False)
    assert_close(ours.predict(WORDS, verbose=0), want, "our copy")
    ours.save(path)
    assert_close(keras.models.load_model(path, compile=False).predict(WORDS, verbose=0), want, "Keras's copy of ours")


def test_onnx(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = block(pk)
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx")
    session = runtime.InferenceSession(path)
    (got,) = session.run(None, {session.get_inputs()[0].name: WORDS.astype("float32")})
    assert_close(got, model.predict(WORDS, verbose=0), "ONNX")


@pytest.mark.parametrize(
    "make",
    [
        lambda layers: layers.MultiHeadAttention(0, 4),
        lambda layers: layers.MultiHeadAttention(2, 4, sliding_window=-1),
        lambda layers: layers.Attention(score_mode="other"),
        lambda layers: layers.Attention()(X),
        lambda layers: layers.EinsumDense("abc->ab", 4)(X),
        lambda layers: layers.EinsumDense("abc,cd->abe", (5, 4))(X),
    ],
)
def test_what_is_refused(make):
    for library in (keras, pk):
        with pytest.raises(ValueError):
            make(library.layers)


def test_what_only_pykernels_refuses():
    with pytest.raises(ValueError, match="flash_attention"):
        pk.layers.MultiHeadAttention(2, 4, flash_attention=True)
    with pytest.raises(ValueError, match="lora_rank"):
        pk.layers.EinsumDense("ab,bc->ac", 4, lora_rank=2)
