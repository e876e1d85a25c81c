"""Recurrent layers, cells and wrappers against Keras (JAX): outputs, ten steps of training, masks, files, ONNX."""

import json

import numpy as np
import pytest
from oracle import assert_close, keras, pk

from pykernels import layers, models, ops
from pykernels.graph import Trace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 3)).astype("float32")
Y = RNG.normal(size=(6, 1)).astype("float32")
WORDS = RNG.integers(1, 9, (6, 5))
WORDS[0, 3:], WORDS[1, :2], WORDS[2, 1:3], WORDS[3] = 0, 0, 0, 0  # right, left, holes, everything


@pytest.fixture(autouse=True)
def _weights_that_cost_nothing(monkeypatch):
    """XLA compiles random numbers and a factorization for each shape of Keras's weights, which the tests set anyway."""
    for name in ("GlorotUniform", "Orthogonal", "RandomUniform"):
        cls = getattr(keras.initializers, name)
        monkeypatch.setattr(cls, "__call__", lambda self, shape, dtype=None: _some(shape))


def _some(shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32") * 0.4


def trained(build, x, y, loss="mse"):
    """Outputs before and after ten steps, losses and weights of the same model in both libraries."""
    found, weights = [], None
    for library in (keras, pk):
        model = build(library)
        if weights is None:
            rng = np.random.default_rng(3)
            weights = [0.4 * rng.normal(size=w.shape).astype("float32") for w in model.get_weights()]
        model.set_weights(weights)
        model.compile("adam", loss)
        before = model.predict(x, verbose=0)
        losses = model.fit(x, y, batch_size=len(y), epochs=10, shuffle=False, verbose=0).history["loss"]
        found.append([before, np.array(losses), model.predict(x, verbose=0), *model.get_weights()])
    for want, have in zip(*found, strict=True):
        assert_close(have, want, "a result")


def regression(*middle):
    """A model of a sequence with these layers, functions of the library, and a Dense layer."""

    def build(library):
        layers = library.layers
        model = library.Sequential([layers.Input((5, 3)), *(make(layers) for make in middle)])
        if len(model.output_shape) > 2:
            model.add(layers.Flatten())
        model.add(layers.Dense(1))
        return model

    return build


# (class, options): what the op does, and activations that it does not have
OPTIONS = [
    ("LSTM", {}),
    ("LSTM", {"return_sequences": True, "go_backwards": True, "use_bias": False, "unit_forget_bias": False}),
    ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid", "unroll": True}),
    ("LSTM", {"activation": "gelu", "kernel_regularizer": "l2", "recurrent_constraint": "max_norm"}),
    ("GRU", {"recurrent_regularizer": "l2", "bias_constraint": "max_norm"}),
    ("GRU", {"return_sequences": True, "go_backwards": True, "use_bias": False}),
    ("GRU", {"reset_after": False, "recurrent_activation": "hard_sigmoid"}),
    ("SimpleRNN", {"return_sequences": True}),
    ("SimpleRNN", {"activation": None, "go_backwards": True, "unroll": True}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_options(name, options):
    trained(regression(lambda layers: getattr(layers, name)(4, **options)), X, Y)


def of_words(*middle, head=True):
    def build(library):
        layers = library.layers
        model = library.Sequential([layers.Input((5,)), layers.Embedding(9, 3, mask_zero=True)])
        for make in middle:
            model.add(make(layers))
        if head:
            model.add(layers.Dense(1))
        return model

    return build


MASKED = [
    ("LSTM", {}),
    ("LSTM", {"go_backwards": True, "unroll": True}),
    ("GRU", {"activation": "gelu", "reset_after": False}),
    ("SimpleRNN", {"go_backwards": True}),
]


@pytest.mark.parametrize(("name", "options"), MASKED)
def test_masks(name, options):
    """On the right, on the left, with holes, and a row without a single step."""
    cell = lambda **more: lambda layers: getattr(layers, name)(4, **options, **more)  # noqa: E731
    trained(of_words(cell(return_sequences=True), cell()), WORDS, Y)


@pytest.mark.parametrize("merge_mode", ["mul"])
def test_bidirectional(merge_mode):
    def first(layers):
        return layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=merge_mode)

    def second(layers):
        return layers.Bidirectional(layers.GRU(2), backward_layer=layers.SimpleRNN(2, go_backwards=True))

    trained(of_words(first, second), WORDS, Y)


def test_bidirectional_with_states_and_without_merging():
    def build(library):
        layers = library.layers
        x = library.Input((5, 3))
        *outputs, h, _, g, _ = layers.Bidirectional(
            layers.LSTM(2, return_sequences=True, return_state=True), merge_mode=None
        )(x)
        y = layers.Bidirectional(layers.GRU(2))(outputs[1], initial_state=[h, g])
        return library.Model(x, layers.Dense(1)(layers.Concatenate()([y, layers.Flatten()(outputs[0])])))

    trained(build, X, Y)


def test_states_passed_by_hand():
    """An encoder's states start a decoder, with and without a mask."""

    def build(library):
        layers = library.layers
        words, x = library.Input((None,), dtype="int32"), library.Input((None, 3))
        embedded = layers.Embedding(9, 3, mask_zero=True)(words)
        _, h, c = layers.LSTM(4, return_state=True)(embedded)
        y, g, _ = layers.LSTM(4, return_sequences=True, return_state=True)(x, initial_state=[h, c])
        z = layers.GRU(4, return_sequences=True)(embedded, initial_state=g)
        return library.Model([words, x], layers.TimeDistributed(layers.Dense(1))(layers.Add()([y, z])))

    trained(build, [WORDS, X], RNG.normal(size=(6, 5, 1)).astype("float32"))


def test_stacked_cells_and_a_cell_of_the_users():
    def build(library):
        layers, ops = library.layers, library.ops

        class Mine(layers.Layer):
            state_size = 4

            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1], 4), initializer="ones", name="w")

            def call(self, inputs, states):
                y = ops.tanh(ops.matmul(inputs, self.w) + 0.5 * states[0])
                return y, [y]

        cells = [layers.LSTMCell(3), layers.GRUCell(2, reset_after=False), layers.SimpleRNNCell(3)]
        return library.Sequential(
            [
                layers.Input((5,)),
                layers.Embedding(9, 3, mask_zero=True),
                layers.RNN(cells, return_sequences=True),
                layers.RNN(Mine(), go_backwards=True, zero_output_for_mask=True),
                layers.Dense(1),
            ]
        )

    trained(build, WORDS, Y)


def test_time_distributed():
    images = RNG.normal(size=(6, 3, 5, 5, 2)).astype("float32")

    def build(library):
        layers = library.layers
        return library.Sequential(
            [
                layers.Input((3, 5, 5, 2)),
                layers.TimeDistributed(layers.Conv2D(3, 3)),
                layers.TimeDistributed(layers.Flatten()),
                layers.SimpleRNN(3),
                layers.Dense(1),
            ]
        )

    trained(build, images, Y)
    found = []
    for library in (pk, keras):  # one batch of statistics for each step, not one for all
        layer = library.layers.TimeDistributed(library.layers.BatchNormalization())
        found.append([np.asarray(layer(images, training=True)), *(np.asarray(w) for w in layer.get_weights())])
    for have, want in zip(*found, strict=True):
        assert_close(have, want, "batch normalization")
    with pytest.raises(ValueError, match="at least 3 dimensions"):
        pk.layers.TimeDistributed(pk.layers.Dense(2))(Y)
    with pytest.raises(ValueError, match="incompatible"):
        pk.layers.TimeDistributed(pk.layers.Dense(2))(X, mask=np.ones((6, 4), bool))


def test_zero_output_and_state_of_masked_steps():
    layers = [
        library.layers.LSTM(3, return_sequences=True, return_state=True, zero_output_for_mask=True, go_backwards=True)
        for library in (pk, keras)
    ]
    mask = WORDS != 0
    for layer in layers:
        layer.build((6, 5, 3))
    layers[0].set_weights([np.asarray(w) for w in layers[1].get_weights()])
    for have, want in zip(layers[0](X, mask=mask), layers[1](X, mask=mask), strict=True):
        assert_close(have, want, "output or state")


def test_states_in_the_list_of_inputs():
    """As Keras 1 and 2 took them."""
    x, h, c = pk.Input((5, 3)), pk.Input((4,)), pk.Input((4,))
    layer = pk.layers.LSTM(4)
    model = pk.Model([x, h, c], [layer([x, h, c]), layer(x, initial_state=[h, c])])
    states = [RNG.normal(size=(6, 4)).astype("float32") for _ in range(2)]
    have, want = model.predict([X, *states], verbose=0)
    np.testing.assert_array_equal(have, want)
    assert np.abs(have - np.asarray(layer(X))).max() > 1e-3


def test_what_masked_steps_of_other_cells_give():
    """The first state; of stacked cells that of the last one."""
    mask = WORDS != 0
    for options in ({}, {"zero_output_for_mask": True}):
        ours, theirs = (
            library.layers.RNN(
                [library.layers.LSTMCell(3), library.layers.LSTMCell(2, activation="gelu")],
                return_sequences=True,
                **options,
            )
            for library in (pk, keras)
        )
        theirs.build((6, 5, 3))
        ours.build((6, 5, 3))
        ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
        assert_close(ours(X, mask=mask), theirs(X, mask=mask), options)


# --- states that stay ------------------------------------------------------------------------------------------------
def stateful(**options):
    return pk.Sequential(
        [pk.Input(batch_shape=(2, 5, 3)), pk.layers.LSTM(4, stateful=True, return_sequences=True, **options)]
    )


def test_stateful_goes_on_where_the_last_batch_ended():
    """Two batches of five steps are one of ten."""
    model = stateful()
    plain = pk.Sequential([pk.Input((10, 3)), pk.layers.LSTM(4, return_sequences=True)])
    plain.set_weights(model.get_weights())
    x = RNG.normal(size=(2, 10, 3)).astype("float32")
    want = plain.predict(x, verbose=0)
    for method in (lambda part: model.predict(part, batch_size=2, verbose=0), model):
        model.layers[0].reset_states()
        have = np.concatenate([np.asarray(method(x[:, :5])), np.asarray(method(x[:, 5:]))], axis=1)
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def test_stateful_in_training_and_its_errors():
    model = stateful()
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((6, 5, 4)), batch_size=2, epochs=1, shuffle=False, verbose=0)
    states = model.layers[0].states
    assert len(model.get_weights()) == 3 and all(np.abs(s.numpy()).max() > 0 for s in states)
    model.layers[0].reset_state([np.ones((2, 4)), np.zeros((2, 4))])
    assert states[0].numpy().min() == 1
    model.reset_states()
    assert not any(s.numpy().any() for s in states)
    for other in (X, X[:1]):
        with pytest.raises(ValueError, match="batch size"):
            model.layers[0](other)
    with pytest.raises(ValueError, match="must be static"):
        pk.Sequential([pk.Input((5, 3)), pk.layers.GRU(4, stateful=True)])


# --- dropout ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_dropout(name):
    """One mask for all steps; nothing outside of training; the rate."""
    ones = {"kernel_initializer": "ones", "activation": None, "recurrent_initializer": "zeros", "use_bias": False}
    x = np.ones((400, 3, 1), "float32")
    layer = pk.layers.SimpleRNN(1, dropout=0.25, seed=1, return_sequences=True, **ones)
    y = np.asarray(layer(x, training=True))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y.round(4))) == {0, np.float32(1.3333)} and 0.15 < (y[:, 0] == 0).mean() < 0.35
    cls = getattr(pk.layers, name)
    for options in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.5, "implementation": 1}):
        layer = cls(4, seed=3, **options)
        plain = np.asarray(layer(X))
        again = cls(4, seed=3)
        again.build(X.shape)
        again.set_weights(layer.get_weights())
        np.testing.assert_allclose(again(X), plain, rtol=1e-6, atol=1e-7)
        assert np.abs(np.asarray(layer(X, training=True)) - plain).max() > 1e-3
        assert layer.cell._dropout_mask is None and layer.cell._recurrent_dropout_mask is None


def test_recurrent_dropout_drops_the_same_states_at_every_step():
    options = {"kernel_initializer": "ones", "activation": None, "recurrent_initializer": "ones", "use_bias": False}
    layer = pk.layers.SimpleRNN(1, recurrent_dropout=0.5, seed=2, **options)
    y = np.asarray(layer(np.ones((100, 3, 1), "float32"), training=True))
    assert set(np.unique(y)) == {1, 7}  # 1, or 1 + 2 (1 + 2)


# --- one op, whatever the number of steps ----------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_nodes_do_not_grow_with_the_steps(name):
    layer = getattr(pk.layers, name)(3)
    counts = []
    for steps in (2, 50):
        with Trace() as trace:
            y = layer(trace.placeholder((4, steps, 2), "float32"))
            program = trace.build(outputs=[y])
        counts.append(len(program.describe()))
    assert counts[0] == counts[1]


# --- old spellings ---------------------------------------------------------------------------------------------------
def test_spellings_of_keras_1():
    layers = pk.layers
    lstm = layers.LSTM(
        output_dim=4,
        input_dim=3,
        input_length=5,
        init="uniform",
        inner_init="orthogonal",
        inner_activation="hard_sigmoid",
        forget_bias_init="zero",
        W_regularizer="l2",
        U_regularizer="l1",
        dropout_W=0.1,
        dropout_U=0.2,
        consume_less="gpu",
    )
    model = pk.Sequential([lstm])
    assert model.input_shape == (None, 5, 3) and lstm.recurrent_activation is pk.activations.hard_sigmoid
    assert lstm.dropout == 0.1 and lstm.recurrent_dropout == 0.2 and not lstm.unit_forget_bias
    assert not lstm.get_weights()[2].any()


@pytest.mark.parametrize(("name", "cls"), [("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")])
def test_cudnn_layers(name, cls):
    layer = getattr(pk.layers, name)(4, kernel_initializer="ones", return_sequences=True, input_shape=(5, 3))
    assert type(layer) is getattr(pk.layers, cls) and isinstance(layer, getattr(pk.layers, name))
    assert pk.Sequential([layer]).output_shape == (None, 5, 4)


# --- files and ONNX --------------------------------------------------------------------------------------------------
def composite(library):
    layers = library.layers
    return library.Sequential(
        [
            layers.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode="sum"),
            layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)], return_sequences=True),
            layers.TimeDistributed(layers.Dense(2, activation="relu")),
            layers.Bidirectional(layers.GRU(2, reset_after=False)),
        ]
    )


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5"])
def test_files_both_ways(ending, tmp_path):
    theirs = composite(keras)
    want = theirs.predict(X, verbose=0)
    path = str(tmp_path / f"model.{ending}")
    if ending == "weights.h5":
        theirs.save_weights(path)
        ours = composite(pk)
        ours.load_weights(path)
    else:
        theirs.save(path)
        ours = pk.models.load_model(path, compile=False)
    assert_close(ours.predict(X, verbose=0), want, "our copy")
    if ending == "weights.h5":
        ours.save_weights(path)
        back = composite(keras)
        back.load_weights(path)
    else:
        ours.save(path)
        back = keras.models.load_model(path, compile=False)
    assert_close(back.predict(X, verbose=0), want, "Keras's copy of ours")


def test_onnx(tmp_path):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    model = composite(pk)
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx")
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("LSTM") == 2 and kinds.count("GRU") == 2
    session = runtime.InferenceSession(path)
    (got,) = session.run(None, {session.get_inputs()[0].name: X})
    assert_close(got, model.predict(X, verbose=0), "ONNX")


def test_onnx_has_no_masks(tmp_path):
    pytest.importorskip("onnx")
    model = of_words(lambda layers: layers.LSTM(2))(pk)
    with pytest.raises(NotImplementedError, match=r"lstm.*mask"):
        model.export(str(tmp_path / "model.onnx"), format="onnx")


# --- files of Keras 1 and 2 ------------------------------------------------------------------------------------------
def write_old(path, version, layers, weights):
    """A whole-model .h5 file in the form of Keras 1 and 2: layers [(class, config)], weights {layer: [arrays]}."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        entries = [{"class_name": cls, "config": config} for cls, config in layers]
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": entries})
        file.attrs["keras_version"], file.attrs["backend"] = version, "tensorflow"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [config["name"].encode() for _, config in layers]
        for _, config in layers:
            group, arrays = root.create_group(config["name"]), weights.get(config["name"], [])
            names = [f"{config['name']}_{i}:0".encode() for i in range(len(arrays))]
            group.attrs["weight_names"] = names
            for name, array in zip(names, arrays, strict=True):
                group.create_dataset(name, data=array)


def gate_arrays(gates, features, units, rng):
    shapes = [(features, units), (units, units), (units,)] * gates
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def np_old_hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def test_a_file_of_keras_1_with_an_array_for_each_gate(tmp_path):
    rng = np.random.default_rng(2)
    lstm, gru = gate_arrays(4, 3, 2, rng), gate_arrays(3, 2, 2, rng)
    shared = {"init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh", "output_dim": 2}
    shared.update(inner_activation="hard_sigmoid", consume_less="cpu", dropout_W=0.0, dropout_U=0.0, stateful=False)
    first = {**shared, "name": "lstm_1", "batch_input_shape": [None, 5, 3], "forget_bias_init": "one"}
    layers = [
        ("LSTM", {**first, "return_sequences": True, "input_dim": 3, "input_length": 5}),
        ("GRU", {**shared, "name": "gru_1", "return_sequences": False, "input_dim": 2}),
    ]
    write_old(tmp_path / "old.h5", "1.2.2", layers, {"lstm_1": lstm, "gru_1": gru})
    model = pk.models.load_model(tmp_path / "old.h5", compile=False)
    h = c = np.zeros((6, 2))
    g = np.zeros((6, 2))
    for t in range(5):
        i, candidate, f, o = (X[:, t] @ w + h @ u + b for w, u, b in zip(*[iter(lstm)] * 3, strict=True))
        c = np_old_hard_sigmoid(f) * c + np_old_hard_sigmoid(i) * np.tanh(candidate)
        h = np_old_hard_sigmoid(o) * np.tanh(c)
        (wz, uz, bz), (wr, ur, br), (wh, uh, bh) = zip(*[iter(gru)] * 3, strict=True)
        z, r = np_old_hard_sigmoid(h @ wz + g @ uz + bz), np_old_hard_sigmoid(h @ wr + g @ ur + br)
        g = z * g + (1 - z) * np.tanh(h @ wh + (r * g) @ uh + bh)
    np.testing.assert_allclose(model.predict(X, verbose=0), g, rtol=1e-4, atol=1e-5)
    ours = model.layers[0]
    assert model.layers[1].reset_after is False
    with Trace() as trace:  # Keras 2's hard_sigmoid too is one op
        y = ours(trace.placeholder((2, 5, 3), "float32"))
        ops = [call["op"] for call in trace.build(outputs=[y]).describe()]
    assert "lstm" in ops and len(ops) < 10


def test_a_file_of_keras_2_with_layers_for_gpus(tmp_path):
    rng = np.random.default_rng(4)

    def cudnn(gates, features, units=2):
        shapes = ((features, gates * units), (units, gates * units), (2 * gates * units,))
        return [rng.normal(size=shape).astype("float32") for shape in shapes]

    lstm, gru = cudnn(4, 3), cudnn(3, 2)
    layers = [
        ("CuDNNLSTM", {"name": "a", "units": 2, "return_sequences": True, "batch_input_shape": [None, 5, 3]}),
        ("CuDNNGRU", {"name": "b", "units": 2, "return_sequences": False}),
    ]
    write_old(tmp_path / "old.h5", "2.2.4", layers, {"a": lstm, "b": gru})
    model = pk.models.load_model(tmp_path / "old.h5", compile=False)
    kernel, recurrent, bias = model.layers[0].get_weights()
    first = lstm[0][:, :2]  # of one gate: cuDNN's matrix (units, features), in memory as this one
    np.testing.assert_array_equal(kernel[:, :2].T.reshape(-1), first.reshape(-1))
    np.testing.assert_array_equal(recurrent[:, 2:4], lstm[1][:, 2:4].T)
    np.testing.assert_allclose(bias, lstm[2][:8] + lstm[2][8:], rtol=1e-6)
    assert model.layers[1].reset_after
    np.testing.assert_array_equal(model.layers[1].get_weights()[2], gru[2].reshape(2, 6))
    assert model.predict(X, verbose=0).shape == (6, 2)


def test_bidirectional_of_an_unknown_length():
    x = layers.Input((None, 4))
    y = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    assert y.shape == (None, None, 6)
    model = models.Model(x, y)
    backwards = models.Model(x, ops.flip(x, 1))
    for steps in (1, 5):
        data = np.arange(8.0 * steps).reshape(2, steps, 4).astype("float32")
        assert model.predict(data, verbose=0).shape == (2, steps, 6)
        np.testing.assert_array_equal(backwards.predict(data, verbose=0), data[:, ::-1])
