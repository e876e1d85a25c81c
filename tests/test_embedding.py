"""Embedding and Masking against Keras (JAX): values, training, masks; what is refused; files of older spellings."""

import numpy as np
import pytest
from oracle import assert_close, keras, pk

from pykernels.graph import Trace, gradients

TABLE = np.random.default_rng(0).normal(size=(11, 4)).astype("float32")
WORDS = np.random.default_rng(1).integers(0, 11, (6, 5))
TARGETS = np.random.default_rng(2).normal(size=(6, 1)).astype("float32")


def trained(library, optimizer="adam", **options):
    model = library.Sequential(
        [
            library.layers.Input((5,)),
            library.layers.Embedding(11, 4, **options),
            library.layers.GlobalAveragePooling1D(),
            library.layers.Dense(1),
        ]
    )
    model.layers[0].set_weights([TABLE])
    model.layers[-1].set_weights([np.full((4, 1), 0.5), np.zeros(1)])
    model.compile(optimizer, "mse")
    losses = model.fit(WORDS, TARGETS, batch_size=6, epochs=10, shuffle=False, verbose=0).history["loss"]
    return [np.array(losses), model.predict(WORDS, verbose=0), *model.get_weights()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask_zero": True, "embeddings_regularizer": "l2", "embeddings_constraint": "unit_norm"},
    ],
)
def test_ten_steps_of_training(options):
    for have, want in zip(trained(pk, **options), trained(keras, **options), strict=True):
        assert_close(have, want, options)


def test_masks_of_embedding_and_masking():
    for library in (pk, keras):
        words = library.layers.Embedding(11, 4, mask_zero=True)(WORDS)
        np.testing.assert_array_equal(np.asarray(words._keras_mask), WORDS != 0)
    x = np.random.default_rng(3).normal(size=(2, 4, 3)).astype("float32")
    x[0, 2:], x[1, 1], x[1, 2, 0] = -1, -1, -1  # of the last step one feature only: it is used
    have, want = (library.layers.Masking(-1.0)(x) for library in (pk, keras))
    np.testing.assert_array_equal(have, np.asarray(want))
    np.testing.assert_array_equal(have._keras_mask, np.asarray(want._keras_mask))
    assert pk.layers.Masking(2.0).get_config()["mask_value"] == 2.0


def of_lambda(library, mask):
    layers, ops = library.layers, library.ops
    x = library.Input((4, 3))
    y = layers.Lambda(lambda x: x * 2.0, output_shape=(4, 3), mask=mask(ops))(x)
    return library.Model(x, layers.GlobalAveragePooling1D()(y))


@pytest.mark.parametrize(
    "mask",
    [
        lambda ops: lambda x, mask: ops.any(x > 1.0, axis=-1),
        lambda ops: np.array([[True, False, True, True]] * 2),
        lambda ops: None,
    ],
)
def test_masks_of_lambda(mask):
    x = np.random.default_rng(3).normal(size=(2, 4, 3)).astype("float32")
    x[:, 0] = 2.0
    ours, theirs = of_lambda(pk, mask), of_lambda(keras, mask)
    want = theirs.predict(x, verbose=0)
    assert_close(ours.predict(x, verbose=0), want, "masked mean")


def plain_mask(inputs, mask):
    return pk.ops.any(inputs > 1.0, axis=-1)


def test_the_mask_of_a_lambda_is_in_its_configuration():
    layer = pk.layers.Lambda(pk.activations.relu, mask=plain_mask)
    again = pk.layers.Lambda.from_config(layer.get_config(), {"plain_mask": plain_mask})
    assert again.mask is plain_mask and "mask" not in pk.layers.Lambda(pk.activations.relu).get_config()


def test_the_gradient_sums_over_repeated_rows():
    layer = pk.layers.Embedding(11, 4, weights=TABLE)
    words = np.array([[3, 3, 0], [3, 10, 0]], "int32")
    dy = np.random.default_rng(5).normal(size=(2, 3, 4)).astype("float32")
    with Trace() as trace:
        x = trace.placeholder(words.shape, "int32")
        program = trace.build(outputs=gradients(layer(x), [layer.embeddings], output_gradient=dy))
    want = np.zeros((11, 4))
    np.add.at(want, words, dy)
    np.testing.assert_allclose(program.run([words])[0], want, rtol=1e-6)


def test_initial_weights_and_dtypes_of_numbers():
    layer = pk.layers.Embedding(11, 4, weights=[TABLE])
    for dtype in ("int32", "int64", "uint8", "float32"):
        np.testing.assert_array_equal(layer(WORDS.astype(dtype)), TABLE[WORDS])
    assert np.isnan(layer(np.array([[11]]))).all()


def test_spellings_of_keras_1_and_2():
    model = pk.Sequential(
        [
            pk.layers.Embedding(
                11, 4, input_length=5, init="zero", W_regularizer="l2", W_constraint="maxnorm", dropout=0.0
            ),
            pk.layers.Flatten(),
        ]
    )
    assert model.output_shape == (None, 20)
    assert isinstance(model.layers[0].embeddings_constraint, pk.constraints.MaxNorm)
    with pytest.raises(TypeError, match="SpatialDropout1D"):
        pk.layers.Embedding(11, 4, dropout=0.2)


@pytest.mark.parametrize("options", [{"input_dim": 0}, {"output_dim": 2.5}, {"input_dim": True}, {"lora_rank": 2}])
def test_what_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        pk.layers.Embedding(**{"input_dim": 3, "output_dim": 2, **options})


@pytest.mark.parametrize("weights", [None, np.random.default_rng(4).random((6, 5))])
def test_losses_and_metrics_leave_masked_steps_out(weights):
    results = []
    targets = np.random.default_rng(5).normal(size=(6, 5, 1)).astype("float32")
    for library in (pk, keras):
        model = library.Sequential(
            [library.layers.Input((5,)), library.layers.Embedding(11, 4, mask_zero=True), library.layers.Dense(1)]
        )
        model.layers[0].set_weights([TABLE])
        model.layers[1].set_weights([np.full((4, 1), 0.5), np.zeros(1)])
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
        results.append(model.evaluate(WORDS, targets, sample_weight=weights, batch_size=4, verbose=0, return_dict=True))
    assert results[0].keys() == results[1].keys()
    assert_close(np.array(list(results[0].values())), np.array(list(results[1].values())), "masked")
