"""Event files: their bytes are those that TensorFlow writes, and what the callback and `tf.summary` put into them."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from argument_rows import parameters
from event_files import crc32c, masked, of_folder, records, summaries
from PIL import Image

from pykernels import _core, callbacks, layers, models, ops, summary
from pykernels.summary import events
from pykernels.summary.legacy import HistogramProto, Summary

# What tensorboard 2.20's own protocol buffers give for the event below, and its checksums.
GOLDEN = """
0900002040fc54d94110ac022a83020a270a046c6f7373420a0801120022040000803e4a130a090a077363616c6172731a047768617420010a3d0a01
6842260802120812020801120208032218000000000000f03f00000000000000400000000000c072404a100a0c0a0a686973746f6772616d7320020a
210a0174420f0807120412020802420161420262634a0b0a090a04746578741201310a0a0a036f6c64150000c03f0a570a0268702a5109000000000000
f0bf11000000000000004019000000000000084021000000000000f83f2900000000000018403210000000000000000000000000000000403a100000
00000000f03f00000000000000400a110a02696d220b0802100318012203706e67
"""


def test_bytes_are_those_of_protocol_buffers():
    values = [
        events.tensor_value("loss", np.float32(0.25), "scalars", 1, description="what"),
        events.tensor_value("h", np.array([[1.0, 2.0, 300.0]]), "histograms", 2),
        events.tensor_value("t", [b"a", b"bc"], "text", content=b"1"),
        Summary.Value(tag="old", simple_value=1.5).SerializeToString(),
        Summary.Value(
            tag="hp",
            histo=HistogramProto(min=-1, max=2, num=3, sum=1.5, sum_squares=6, bucket_limit=[0, 2], bucket=[1, 2]),
        ).SerializeToString(),
        Summary.Value(
            tag="im", image=Summary.Image(height=2, width=3, colorspace=1, encoded_image_string=b"png")
        ).SerializeToString(),
    ]
    event = events.double(1, 1700000000.5) + events.integer(2, 300)
    event += events.message(5, b"".join(events.message(1, value) for value in values))
    want = bytes.fromhex("".join(GOLDEN.split()))
    assert event == want
    framed = events.record(want)
    assert framed[8:12] == (0x7DF4CF22).to_bytes(4, "little") and framed[-4:] == (0x1ED3C702).to_bytes(4, "little")
    assert events.double(1, 1.0) + events.integer(2, -1) == bytes.fromhex("09000000000000f03f10ffffffffffffffffff01")


def test_checksums():
    assert _core.crc32c(b"123456789") == crc32c(b"123456789") == 0xE3069283
    data = np.random.default_rng(0).integers(0, 256, 333, np.uint8)
    assert _core.crc32c(data) == crc32c(data.tobytes()) and masked(b"") == 0xA282EAD8
    assert _core.crc32c(data[100:], _core.crc32c(data[:100])) == _core.crc32c(data)
    with pytest.raises(TypeError, match="crc32c takes contiguous bytes"):
        _core.crc32c(data[::2])


def test_a_damaged_record_is_found(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(events.record(b"hello")[:-5] + b"x" + events.record(b"hello")[-4:])
    with pytest.raises(AssertionError):
        records(path)


# --- tf.summary --------------------------------------------------------------------------------------------
def test_summaries_of_a_writer(tmp_path):
    writer = summary.create_file_writer(tmp_path, filename_suffix=".mine")
    assert not summary.scalar("nobody", 1.0, step=0) and not summary.should_record_summaries()
    data = np.array([0.0, 1.0, 1.0, 4.0, np.nan])
    picture = np.linspace(0, 1, 24).reshape(1, 2, 3, 4)
    with writer.as_default():
        assert summary.should_record_summaries() and summary.scalar("loss", ops.convert_to_tensor(0.5), step=3)
        summary.histogram("weights", data, step=4, buckets=4)
        summary.histogram("same", [2.0, 2.0], step=4, buckets=3)
        summary.image("pictures", np.repeat(picture, 5, 0), step=5)
        summary.image("grey", (picture[..., :1] * 255).astype("uint8"), step=5, max_outputs=1)
        summary.text("note", "*hello*", step=6)
        with summary.record_if(lambda: False):
            assert not summary.scalar("loss", 1.0, step=4)
        with pytest.raises(ValueError, match="No step set"):
            summary.scalar("loss", 1.0)
        summary.experimental.set_step(np.int64(9))
        summary.scalar("loss", np.array([0.25]))
        assert summary.experimental.get_step() == 9
    assert summary.experimental.get_step() is None
    found = {(step, tag): (plugin, value) for step, tag, plugin, value in of_folder(tmp_path)}
    assert found[3, "loss"][0] == "scalars" and found[3, "loss"][1] == 0.5 and found[9, "loss"][1] == 0.25
    np.testing.assert_array_equal(found[4, "weights"][1], [[0, 1, 1], [1, 2, 2], [2, 3, 0], [3, 4, 1]])
    np.testing.assert_array_equal(found[4, "same"][1], [[2, 2, 0], [2, 2, 0], [2, 2, 2]])
    kind, (width, height, *files) = found[5, "pictures"]
    assert (kind, width, height, len(files)) == ("images", b"3", b"2", 3)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(files[0]))), (picture[0] * 255.5).astype("uint8"))
    assert Image.open(io.BytesIO(found[5, "grey"][1][2])).mode == "L"
    assert found[6, "note"] == ("text", b"*hello*") and len(found) == 7
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("events.out.tfevents.") and path.name.endswith(".mine")


def test_writers_without_files_and_with_wrong_data(tmp_path):
    with summary.create_noop_writer().as_default(step=1):
        assert not summary.scalar("loss", 1.0)
    with summary.create_file_writer(tmp_path).as_default(step=1):
        with pytest.raises(ValueError, match="one number"):
            summary.scalar("loss", [1.0, 2.0])
        with pytest.raises(ValueError, match="height, width, channels"):
            summary.image("x", np.ones((2, 2)))


def test_a_recorded_value_is_refused(tmp_path):
    class Watched(layers.Layer):
        def call(self, x):
            summary.histogram("x", x, step=0)
            return x

    model = models.Sequential([layers.Input((2,)), Watched(), layers.Dense(1)])
    model.predict(np.ones((1, 2)), verbose=0)  # no writer: nothing to do
    model.compile("sgd", "mse")
    writer = summary.create_file_writer(tmp_path)
    with pytest.raises(NotImplementedError, match="recorded step computes"), writer.as_default():
        model.fit(np.ones((4, 2)), np.ones(4), verbose=0)


def test_summaries_of_tensorflow_1(tmp_path):
    with summary.FileWriter(tmp_path) as writer:
        filled = summary.Summary()
        value = filled.value.add()
        value.tag, value.simple_value = "loss", np.float32(0.25)
        writer.add_summary(filled, 7)
        writer.add_summary(summary.Summary(value=[summary.Summary.Value(tag="acc", simple_value=1)]))
        writer.flush()
        assert writer.get_logdir() == str(tmp_path)
    assert of_folder(tmp_path) == [(7, "loss", "", 0.25), (0, "acc", "", 1.0)]
    with pytest.raises(ValueError, match="no 'simple' field"):
        summary.Summary.Value(simple=1)
    with pytest.raises(NotImplementedError, match="graph"):
        summary.FileWriter(tmp_path, graph="graph")


def test_scripts_reach_them_by_tensorflow(tmp_path):
    script = f"""
import tensorflow as tf
writer = tf.summary.create_file_writer({str(tmp_path)!r})
with writer.as_default():
    tf.summary.scalar("loss", 0.5, step=1)
tf.summary.experimental.set_step(2)
with tf.compat.v1.summary.FileWriter({str(tmp_path / "old")!r}) as old:
    old.add_summary(tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=2.0)]), 3)
"""
    subprocess.run([sys.executable, "-m", "pykernels", "-c", script], check=True)
    assert [found[:2] for found in of_folder(tmp_path) + of_folder(tmp_path / "old")] == [(1, "loss"), (3, "a")]


# --- the callback ------------------------------------------------------------------------------------------
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 5, (24, 3)), RNG.normal(size=(24, 1)).astype("float32")


def written(folder, epochs=2, **options):
    """{run: [(step, tag, plugin, value)]} of a training with the callback, and the callback."""
    model = models.Sequential(
        [
            layers.Input((3,), dtype="int32"),
            layers.Embedding(5, 2, name="words"),
            layers.Flatten(),
            layers.Dense(1, name="last"),
        ]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    callback = callbacks.TensorBoard(folder, **options)
    model.fit(X, Y, batch_size=8, epochs=epochs, validation_data=(X, Y), callbacks=[callback], verbose=0)
    runs = {run.name: of_folder(run) for run in sorted(folder.iterdir()) if run.is_dir()}
    return runs, model


def tags(found, plugin="scalars"):
    return [(step, tag) for step, tag, kind, _ in found if kind == plugin]


def test_what_is_written_by_default(tmp_path):
    runs, model = written(tmp_path)
    history = model.history.history
    names = ("epoch_loss", "epoch_mae", "epoch_learning_rate")
    assert tags(runs["train"]) == [(epoch, name) for epoch in range(2) for name in names]
    after = ("evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations")
    epochs = [[*((3 * (e + 1), name) for name in after), (e, "epoch_loss"), (e, "epoch_mae")] for e in range(2)]
    assert tags(runs["validation"]) == [*epochs[0], *epochs[1]]
    values = {(step, tag): value for step, tag, _, value in runs["train"]}
    assert [float(values[e, "epoch_loss"]) for e in range(2)] == pytest.approx(history["loss"])
    (graph,) = [value for _, _, plugin, value in runs["train"] if plugin == "graph_keras_model"]
    assert json.loads(graph)["class_name"] == "Sequential"


def test_batches(tmp_path):
    class Own(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            summary.scalar("mine", batch)

        def on_test_batch_end(self, batch, logs=None):
            summary.scalar("tested", batch)

    folder = tmp_path / "logs"
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    watch = callbacks.TensorBoard(folder, update_freq=2, write_steps_per_second=True)
    model.fit(X, Y, batch_size=8, epochs=2, validation_data=(X, Y), callbacks=[watch, Own()], verbose=0)
    train = tags(of_folder(folder / "train"))
    assert [found for found in train if found[1] in ("batch_loss", "mine", "batch_steps_per_second")] == [
        (step, name) for step in (2, 4, 6) for name in ("batch_loss", "batch_steps_per_second", "mine")
    ]
    assert (1, "epoch_steps_per_second") in train
    tested = [step for step, tag in tags(of_folder(folder / "validation")) if tag == "tested"]
    assert tested == [2, 4, 6]
    assert not summary.should_record_summaries()


ROWS = {
    "log_dir": None,  # what every test here gives
    "histogram_freq": ({"histogram_freq": 2}, lambda runs, _: len(tags(runs["train"], "histograms")) == 3),
    "write_graph": ({"write_graph": False}, lambda runs, _: not tags(runs["train"], "graph_keras_model")),
    "write_images": (
        {"histogram_freq": 1, "write_images": True},
        lambda runs, _: len(tags(runs["train"], "images")) == len(tags(runs["train"], "histograms")) == 6,
    ),
    "write_steps_per_second": (
        {"write_steps_per_second": True},
        lambda runs, _: (1, "epoch_steps_per_second") in tags(runs["train"]),
    ),
    "update_freq": ({"update_freq": "batch"}, lambda runs, _: (5, "batch_mae") in tags(runs["train"])),
    "profile_batch": ({"profile_batch": (2, 4)}, "no profile"),
    "embeddings_freq": (
        {"embeddings_freq": 1},
        lambda _, folder: (
            np.loadtxt(folder / "words.tsv").shape == (5, 2)
            and 'tensor_path: "words.tsv"' in (folder / "projector_config.pbtxt").read_text()
        ),
    ),
    "embeddings_metadata": (
        {"embeddings_freq": 1, "embeddings_metadata": {"words": "names.tsv"}},
        lambda _, folder: 'metadata_path: "names.tsv"' in (folder / "projector_config.pbtxt").read_text(),
    ),
    "embeddings_layer_names": ({"embeddings_freq": 1, "embeddings_layer_names": ["last"]}, ValueError),
    "embeddings_data": ({"embeddings_data": X}, NotImplementedError),
    "batch_size": ({"batch_size": 4}, lambda runs, _: len(tags(runs["train"])) == 6),  # without effect, and told so
    "write_grads": ({"write_grads": True}, "write_grads"),
}


@pytest.mark.parametrize("argument", sorted(parameters(callbacks.TensorBoard)))
def test_the_argument_acts(argument, tmp_path):
    if argument == "log_dir":
        return
    options, effect = ROWS[argument]
    if isinstance(effect, str):
        with pytest.warns(UserWarning, match=effect):
            written(tmp_path, **options)
    elif isinstance(effect, type):
        with pytest.raises(effect, match=argument):
            written(tmp_path, **options)
    else:
        assert effect(written(tmp_path, **options)[0], tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"update_freq": 0}, "update_freq"),
        ({"profile_batch": (4, 2)}, "profile_batch"),
        ({"profile_batch": "x"}, "profile_batch"),
    ],
)
def test_arguments_of_another_form(options, message):
    with pytest.raises(ValueError, match=message):
        callbacks.TensorBoard("logs", **options)


def test_arguments_in_the_order_of_keras_2(tmp_path):
    with pytest.warns(UserWarning, match="write_grads"):
        old = callbacks.TensorBoard(tmp_path, 2, 32, False, True, True, update_freq="batch")
    assert (old.histogram_freq, old.write_graph, old.write_images, old.update_freq) == (2, False, True, 1)
    assert callbacks.TensorBoard(tmp_path, 2, False, True).write_images
    with pytest.raises(TypeError, match="histogram_freq"):
        callbacks.TensorBoard(tmp_path, 2, 32, histogram_freq=1)


def test_subclasses_override_the_hooks_of_batches(tmp_path):
    class Own(callbacks.TensorBoard):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            seen.append(batch)

    class OwnCheckpoint(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            saved.append(len(list(tmp_path.glob("*.keras"))))

        def on_batch_end(self, batch, logs=None):
            ends.append(batch)

    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for frequency, wanted in (("epoch", 0), (2, 1)):
        seen, saved, ends = [], [], []
        save = {"epoch": "epoch", 2: 2}[frequency]
        own = [Own(tmp_path / "a", update_freq=frequency), OwnCheckpoint(tmp_path / "{epoch}.keras", save_freq=save)]
        for path in tmp_path.glob("*.keras"):
            path.unlink()
        model.fit(X, Y, batch_size=8, callbacks=own, verbose=0)
        assert seen == ends == [0, 1, 2] and saved == [0, wanted, wanted]
        copies = callbacks.CallbackList(
            pickle.loads(pickle.dumps(callbacks.TensorBoard(tmp_path, update_freq=frequency)))
        )
        assert copies.hooks_batches("train") == (frequency != "epoch")
    batches = [step for step, tag in tags(of_folder(tmp_path / "a" / "train")) if tag == "batch_loss"]
    assert batches == [2]


def test_unknown_embeddings_and_old_forms_of_profile_batch(tmp_path):
    with pytest.raises(ValueError, match="Unrecognized `Embedding` layer names"):
        written(tmp_path, embeddings_freq=1, embeddings_metadata={"other": "x"})
    for form in ("2,5", 3, [1, 2]):
        with pytest.warns(UserWarning, match="no profile"):
            callbacks.TensorBoard(tmp_path, profile_batch=form)


def test_metrics_with_a_value_per_class_are_histograms(tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, activation="sigmoid")])
    model.compile("sgd", "mse", metrics=["f1_score"])
    model.fit(X, np.eye(2)[X[:, 0] % 2], callbacks=[callbacks.TensorBoard(tmp_path)], verbose=0)
    assert (0, "epoch_f1_score") in tags(of_folder(tmp_path / "train"), "histograms")


def test_evaluate_alone_and_copies(tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    first = callbacks.TensorBoard(tmp_path, update_freq=1)
    for callback in (first, copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        model.evaluate(X, Y, callbacks=[callback], verbose=0)
    found = of_folder(tmp_path / "validation")
    assert tags(found) == [(0, "evaluation_loss_vs_iterations")] * 3 and not summary.should_record_summaries()
    assert len(summaries(next((tmp_path / "validation").iterdir()))) == 1
