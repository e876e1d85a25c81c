"""`import tensorflow as tf` under the import hook: values by formulas of NumPy, and what is refused."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

import pykernels
from pykernels import _core
from pykernels.graph import Tensor as SymbolicTensor
from pykernels.graph import Trace

X = np.arange(6, dtype="float32").reshape(2, 3) / 2 - 1
P = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
LABELS = np.array([[0.2, 0.3, 0.5], [1, 0, 0]], "float32")
PICTURE = np.arange(4 * 6 * 3, dtype="uint8").reshape(4, 6, 3) * 3
BCE = np.maximum(X, 0) - X * LABELS + np.log1p(np.exp(-np.abs(X)))


@pytest.fixture
def tf():
    theirs = taken_out()  # another test of this process may have imported Keras
    pykernels.install()
    try:
        import tensorflow

        yield tensorflow
    finally:
        pykernels.uninstall()
        taken_out()
        sys.modules.update(theirs)


def taken_out() -> dict:
    """The modules of Keras and TensorFlow, which are no longer among those that are imported."""
    names = [name for name in sys.modules if name.partition(".")[0] in ("tensorflow", "keras")]
    return {name: sys.modules.pop(name) for name in names}


# What it is -> its value. `dtype` is compared too.
VALUES = {
    "tf.constant([1, 2, 3.0])": np.float32([1, 2, 3]),
    "tf.constant(7, shape=(2, 2))": np.full((2, 2), 7, "int32"),
    "tf.constant([1, 2], dtype=tf.float64)": np.float64([1, 2]),
    "tf.convert_to_tensor(np.arange(3))": np.arange(3),
    "tf.zeros([2, 3], tf.int32)": np.zeros((2, 3), "int32"),
    "tf.fill([2], 9)": np.int32([9, 9]),
    "tf.range(5)": np.arange(5, dtype="int32"),
    "tf.range(1.0, 2.0, 0.25)": np.arange(1, 2, 0.25, dtype="float32"),
    "tf.range(3, dtype=tf.float32)": np.arange(3, dtype="float32"),
    "tf.linspace(0.0, 1.0, 5)": np.linspace(0, 1, 5, dtype="float32"),
    "tf.eye(2, batch_shape=[3])": np.broadcast_to(np.eye(2, dtype="float32"), (3, 2, 2)),
    "tf.cast([1.7, -1.7], tf.int32)": np.int32([1, -1]),
    "tf.shape(X)": np.int32([2, 3]),
    "tf.shape(X)[0]": np.int32(2),
    "tf.size(X)": np.int32(6),
    "tf.rank(X)": np.int32(2),
    "tf.stack([X, X], axis=1)": np.stack([X, X], 1),
    "tf.unstack(X, axis=1)[2]": X[:, 2],
    "tf.concat([X, X], 1)": np.concatenate([X, X], 1),
    "tf.concat(axis=0, values=[X, X])": np.concatenate([X, X]),
    "tf.split(X, [1, -1], axis=1)[1]": X[:, 1:],
    "tf.split(X, 3, 1)[0]": X[:, :1],
    "tf.tile(X, [2, 1])": np.tile(X, (2, 1)),
    "tf.one_hot([1, 3], depth=3)": np.float32([[0, 1, 0], [0, 0, 0]]),
    "tf.one_hot([1], 2, on_value=5, off_value=-1)": np.int32([[-1, 5]]),
    "tf.one_hot([0, 1], 2, axis=0, dtype=tf.int32)": np.eye(2, dtype="int32"),
    "tf.math.multiply_no_nan(tf.constant([np.inf, 2.0]), [0.0, 3.0])": np.float32([0, 6]),
    "tf.math.xlogy([0.0, 2.0], [0.0, 3.0])": np.float32([0, 2 * np.log(3.0)]),
    "tf.math.reduce_euclidean_norm(X, axis=1, keepdims=True)": np.sqrt((X * X).sum(1, keepdims=True)),
    "tf.math.polyval([2.0, 3.0, 4.0], X)": 2 * X * X + 3 * X + 4,
    "tf.nn.crelu(X)": np.maximum(np.concatenate([X, -X], -1), 0),
    "tf.image.adjust_gamma(X + 1, 2, 3)": 3 * (X + 1) ** 2,
    "tf.expand_dims(X, axis=0)": X[None],
    "tf.expand_dims(X, -1)": X[..., None],
    "tf.squeeze(X[None])": X,
    "tf.transpose(X, perm=[1, 0])": X.T,
    "tf.reshape(X, tf.constant([3, -1]))": X.reshape(3, 2),
    "tf.reshape(X, [-1])": X.reshape(-1),
    "tf.gather(X, [1, 0])": X[[1, 0]],
    "tf.gather(X, [2, 0], axis=1)": X[:, [2, 0]],
    "tf.gather(X, [[0, 2], [1, 1]], batch_dims=1)": np.take_along_axis(X, np.array([[0, 2], [1, 1]]), 1),
    "tf.gather_nd(X, [[0, 1], [1, 2]])": X[[0, 1], [1, 2]],
    "tf.gather_nd(X, [[1]])": X[[1]],
    "tf.boolean_mask(X, X > 0)": X[X > 0],
    "tf.boolean_mask(X, [True, False, True], axis=1)": X[:, [True, False, True]],
    "tf.where(X > 0, X, 0.0)": np.where(X > 0, X, 0),
    "tf.where(X > 0)": np.argwhere(X > 0),
    "tf.scatter_nd([[1], [3]], [5.0, 6.0], [4])": np.float32([0, 5, 0, 6]),
    "tf.tensor_scatter_nd_update(X, [[0, 0]], [9.0])": np.concatenate([[9], X.ravel()[1:]])
    .reshape(2, 3)
    .astype("float32"),
    "tf.pad(X, [[1, 0], [0, 2]], constant_values=4)": np.pad(X, [(1, 0), (0, 2)], constant_values=4),
    "tf.pad(X, [[0, 0], [1, 1]], 'REFLECT')": np.pad(X, [(0, 0), (1, 1)], "reflect"),
    "tf.reverse(X, [1])": X[:, ::-1],
    "tf.roll(X, 1, axis=1)": np.roll(X, 1, 1),
    "tf.sort([3, 1, 2], direction='DESCENDING')": np.int32([3, 2, 1]),
    "tf.argsort([3, 1, 2])": np.int32([1, 2, 0]),
    "tf.argsort([3, 1, 2], direction='DESCENDING')": np.int32([0, 2, 1]),
    "tf.unique([3, 1, 3, 2])[0]": np.int32([3, 1, 2]),
    "tf.unique_with_counts([3, 1, 3])[2]": np.int32([2, 1]),
    "tf.searchsorted([[1.0, 3.0], [0.0, 5.0]], [[2.0], [9.0]])": np.int32([[1], [2]]),
    "tf.sequence_mask([1, 3])": np.array([[1, 0, 0], [1, 1, 1]], bool),
    "tf.meshgrid([1, 2], [3, 4, 5])[1]": np.meshgrid([1, 2], [3, 4, 5])[1].astype("int32"),
    "tf.repeat([1, 2], 2)": np.int32([1, 1, 2, 2]),
    "tf.map_fn(lambda v: v * 2, X)": X * 2,
    "tf.foldl(lambda a, b: a + b, tf.constant([1, 2, 3]))": np.int32(6),
    "tf.scan(lambda a, b: a + b, tf.constant([1, 2, 3]))": np.int32([1, 3, 6]),
    "tf.cond(tf.constant(True), lambda: tf.constant(1), lambda: tf.constant(2))": np.int32(1),
    "tf.while_loop(lambda i: i < 5, lambda i: [i + 2], [tf.constant(0)])[0]": np.int32(6),
    "tf.case([(tf.constant(False), lambda: tf.constant(1))], lambda: tf.constant(3))": np.int32(3),
    "tf.reduce_sum(X)": X.sum(),
    "tf.reduce_sum(X, axis=[0, 1])": X.sum(),
    "tf.reduce_mean(X, axis=1, keepdims=True)": X.mean(1, keepdims=True),
    "tf.reduce_mean(X, reduction_indices=[1], keep_dims=True)": X.mean(1, keepdims=True),
    "tf.reduce_mean([1, 2])": np.int32(1),
    "tf.reduce_max(X, 0)": X.max(0),
    "tf.reduce_any(X > 2)": np.bool_(False),
    "tf.argmax(X)": X.argmax(0),
    "tf.argmax(X, 1, output_type=tf.int32)": X.argmax(1).astype("int32"),
    "tf.math.reduce_std(X)": X.std(),
    "tf.math.count_nonzero(X)": np.int64(5),
    "tf.cumsum(X, axis=1, exclusive=True)": np.cumsum(X, 1) - X,
    "tf.cumsum(X, reverse=True)": np.cumsum(X[::-1], 0)[::-1],
    "tf.add(X, X, name='a')": X + X,
    "tf.pow(X, 2)": X**2,
    "tf.math.divide_no_nan(X, 0 * X)": 0 * X,
    "tf.add_n([X, X, X])": 3 * X,
    "tf.clip_by_value(X, -0.5, 0.5)": np.clip(X, -0.5, 0.5),
    "tf.clip_by_norm(X, 1.0)": X / np.linalg.norm(X),
    "tf.clip_by_global_norm([X, X], 1.0)[0][1]": X / np.sqrt(2 * (X**2).sum()),
    "tf.linalg.global_norm([X, None])": np.linalg.norm(X),
    "tf.equal(X, X)": np.ones((2, 3), bool),
    "tf.math.confusion_matrix([0, 1, 1], [0, 0, 1])": np.int32([[1, 0], [1, 1]]),
    "tf.math.bincount([1, 1, 3])": np.int32([0, 2, 0, 1]),
    "tf.math.top_k(X, 2).indices": np.int32([[2, 1], [2, 1]]),
    "tf.math.in_top_k([0, 2], X, 1)": np.array([False, True]),
    "tf.math.unsorted_segment_sum(X, [1, 1], 2)": np.stack([0 * X[0], X.sum(0)]),
    "tf.math.segment_mean(X, [0, 0])": X.mean(0, keepdims=True),
    "tf.matmul(X, X, transpose_b=True)": X @ X.T,
    "tf.tensordot(X, X, [[1], [1]])": X @ X.T,
    "tf.einsum('ij,kj->ik', X, X)": X @ X.T,
    "tf.norm(X)": np.linalg.norm(X),
    "tf.linalg.diag_part(X @ X.T)": np.diag(X @ X.T),
    "tf.linalg.band_part(np.ones((3, 3), 'float32'), 0, -1)": np.triu(np.ones((3, 3), "float32")),
    "tf.linalg.svd(X)[0]": np.linalg.svd(X, compute_uv=False),
    "tf.linalg.matvec(X, [1.0, 2.0, 3.0])": X @ np.float32([1, 2, 3]),
    "tf.nn.softmax(X)": P,
    "tf.nn.relu(X)": np.maximum(X, 0),
    "tf.nn.leaky_relu(X)": np.where(X > 0, X, 0.2 * X),
    "tf.nn.softmax_cross_entropy_with_logits(logits=X, labels=LABELS)": -(LABELS * np.log(P)).sum(-1),
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 0], logits=X)": -np.log(P[[0, 1], [2, 0]]),
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=LABELS, logits=X)": BCE,
    "tf.nn.weighted_cross_entropy_with_logits(labels=LABELS, logits=X, pos_weight=1.0)": BCE,
    "tf.nn.l2_loss(X)": (X**2).sum() / 2,
    "tf.nn.l2_normalize(X, axis=1)": X / np.sqrt((X**2).sum(1, keepdims=True)),
    "tf.nn.moments(X, axes=[0])[1]": X.var(0),
    "tf.nn.bias_add(X, [1.0, 2.0, 3.0])": X + np.float32([1, 2, 3]),
    "tf.nn.embedding_lookup(X, [1])": X[[1]],
    "tf.nn.dropout(X, rate=0.0)": X,
    "tf.nn.max_pool2d(X[None, ..., None], ksize=2, strides=1, padding='VALID')[0, ..., 0]": np.float32([[1, 1.5]]),
    "tf.nn.avg_pool(X[None, ..., None], [1, 2, 3, 1], [1, 1, 1, 1], 'VALID')[0, 0, 0, 0]": X.mean(),
    "tf.nn.conv2d(X[None, ..., None], tf.ones((2, 3, 1, 1)), [1, 1, 1, 1], padding='VALID')[0, 0, 0, 0]": X.sum(),
    "tf.nn.batch_normalization(X, 0.5, 4.0, 1.0, 2.0, 0.0)": X - 0.5 + 1,
    "tf.image.flip_left_right(PICTURE)": PICTURE[:, ::-1],
    "tf.image.flip_up_down(PICTURE)": PICTURE[::-1],
    "tf.image.rot90(PICTURE)": np.rot90(PICTURE),
    "tf.image.central_crop(PICTURE, 0.5)": PICTURE[1:3, 1:5],
    "tf.image.crop_to_bounding_box(PICTURE, 1, 2, 2, 3)": PICTURE[1:3, 2:5],
    "tf.image.pad_to_bounding_box(PICTURE, 1, 0, 6, 7)": np.pad(PICTURE, [(1, 1), (0, 1), (0, 0)]),
    "tf.image.resize_with_crop_or_pad(PICTURE, 2, 8)": np.pad(PICTURE[1:3], [(0, 0), (1, 1), (0, 0)]),
    "tf.image.resize(PICTURE, [4, 6])": PICTURE.astype("float32"),
    "tf.image.resize(PICTURE, [2, 3], method='nearest')": PICTURE[1::2, 1::2],
    "tf.image.resize(PICTURE, [4, 4], preserve_aspect_ratio=True).shape": (3, 4, 3),
    "tf.image.convert_image_dtype(PICTURE, tf.float32)": PICTURE / np.float32(255),
    "tf.image.convert_image_dtype([0.0, 0.5, 1.0], tf.uint8)": np.uint8([0, 127, 255]),
    "tf.image.rgb_to_grayscale(PICTURE / np.float32(255))": (PICTURE @ np.array([0.2989, 0.587, 0.114]))[
        ..., None
    ].astype("float32")
    / 255,
    "tf.image.grayscale_to_rgb(PICTURE[..., :1])": PICTURE[..., [0, 0, 0]],
    "tf.image.adjust_brightness(PICTURE / np.float32(255), 0.1)": PICTURE / np.float32(255) + np.float32(0.1),
    "tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(PICTURE / np.float32(255)))": PICTURE / np.float32(255),
    "tf.image.adjust_saturation(PICTURE / np.float32(255), 1.0)": PICTURE / np.float32(255),
    "tf.image.adjust_hue(PICTURE / np.float32(255), 0.0)": PICTURE / np.float32(255),
    "tf.image.adjust_contrast(PICTURE / np.float32(255), 1.0)": PICTURE / np.float32(255),
    "tf.image.per_image_standardization(PICTURE).numpy().std()": np.float32(1),
    "tf.image.total_variation(X[..., None])": np.abs(np.diff(X, axis=0)).sum() + np.abs(np.diff(X, axis=1)).sum(),
    "tf.image.random_crop(PICTURE, [2, 3, 3]).shape": (2, 3, 3),
    "tf.image.random_brightness(PICTURE, 0.2).shape": (4, 6, 3),
    "tf.image.random_contrast(PICTURE, 0.8, 1.2).dtype.name": "uint8",
    "tf.image.decode_png(tf.io.encode_png(PICTURE), channels=3)": PICTURE,
    "tf.io.decode_image(tf.io.encode_png(PICTURE), dtype=tf.float32)": PICTURE / np.float32(255),
    "tf.image.decode_jpeg(tf.io.encode_jpeg(PICTURE), channels=1).shape": (4, 6, 1),
    "tf.io.decode_raw(b'\\x01\\x00\\x02\\x00\\x00\\x00\\x00\\x00', tf.int32)": np.int32([0x20001, 0]),
    "tf.random.uniform((3,), 5, 6, dtype=tf.int32)": np.int32([5, 5, 5]),
    "tf.random.categorical([[0.0, -1e9]], 4)": np.zeros((1, 4), "int64"),
    "tf.sort(tf.random.shuffle(tf.range(5)))": np.arange(5, dtype="int32"),
    "tf.random.Generator.from_seed(3).normal([2]) - tf.random.Generator.from_seed(3).normal([2])": np.float32([0, 0]),
    "tf.strings.split('a/b/c', '/')[-2]": b"b",
    "tf.strings.join(['a', 'b'], '-')": b"a-b",
    "tf.strings.regex_replace('x1y22', '[0-9]+', '_')": b"x_y_",
    "tf.strings.to_number(['1.5', '2'])": np.float32([1.5, 2]),
    "tf.strings.lower(b'AB')": b"ab",
    "tf.strings.length('abc')": np.int32(3),
    "tf.strings.as_string(3)": b"3",
    "tf.version.VERSION": "2.21.0",
    "tf.float32.name": "float32",
    "tf.as_dtype(np.float64) == tf.float64": True,
    "tf.float32.is_floating and tf.uint8.max == 255 and not tf.int32.is_floating": True,
    "tf.constant(1.0).dtype == tf.float32": True,
    "tf.int64.as_numpy_dtype": np.int64,
    "tf.TensorShape([None, 3]).as_list()": [None, 3],
    "tf.TensorShape([2, 3]).num_elements()": 6,
    "isinstance(tf.constant(1.0), tf.Tensor)": True,
    "isinstance(np.ones(2), tf.Tensor) or isinstance(tf.Variable(1.0), tf.Tensor)": False,
    "tf.is_tensor(tf.Variable(1.0)) and not tf.is_tensor([1])": True,
    "tf.config.list_physical_devices('GPU')": [],
    "tf.config.experimental.list_physical_devices('CPU')[0].device_type": "CPU",
    "tf.test.is_gpu_available() or tf.test.is_built_with_cuda()": False,
    "tf.test.gpu_device_name()": "",
    "tf.distribute.MirroredStrategy().num_replicas_in_sync": 1,
    "tf.errors.ResourceExhaustedError": MemoryError,
    "tf.executing_eagerly()": True,
    "tf.numpy_function(lambda v: v * 2, [X], tf.float32)": X * 2,
    "tf.expand_dims(tf.constant(['a', 'b']), -1).numpy().tolist()": [[b"a"], [b"b"]],
    "tf.squeeze(tf.constant([['a', 'b']])).numpy().tolist()": [b"a", b"b"],
    "tf.concat([['a'], ['b']], 0).numpy().tolist()": [b"a", b"b"],
    "tf.stack([tf.constant('a'), tf.constant('b')]).numpy().tolist()": [b"a", b"b"],
    "tf.reshape(['a', 'b'], (2, 1)).numpy().tolist()": [[b"a"], [b"b"]],
    "tf.gather(['a', 'b'], [1]).numpy().tolist()": [b"b"],
    "tf.identity(['a']).numpy().tolist()": [b"a"],
    "tf.strings.lower(['A'])[0].numpy()": b"a",
    "tf.constant(['a', 'b']).shape": (2,),
    "tf.get_logger().name": "tensorflow",
}


@pytest.mark.parametrize("text", VALUES)
def test_values(tf, text):
    want = VALUES[text]
    have = eval(text, {"tf": tf, "np": np, "X": X, "LABELS": LABELS, "PICTURE": PICTURE})
    if not isinstance(want, (np.ndarray, np.generic)):
        assert have == want
        return
    assert np.asarray(have).dtype == want.dtype
    if want.dtype.kind == "f":
        np.testing.assert_allclose(have, want, rtol=2e-5, atol=2e-6)
    else:
        np.testing.assert_array_equal(have, want)


RECORDED = [name for name in VALUES if name.startswith(("tf.nn.", "tf.reduce_", "tf.cumsum", "tf.clip", "tf.gather"))]


def test_values_in_programs(tf):
    """The same functions, recorded."""
    with Trace() as trace:
        x = trace.placeholder(X.shape, "float32")
        names = {"tf": tf, "np": np, "X": x, "LABELS": LABELS}
        results = {text: eval(text, names) for text in RECORDED}
        symbolic = {text: y for text, y in results.items() if isinstance(y, SymbolicTensor)}
        program = trace.build(outputs=list(symbolic.values()))
    assert len(symbolic) > 25
    for text, have in zip(symbolic, program.run([X]), strict=True):
        np.testing.assert_allclose(have, VALUES[text], rtol=2e-5, atol=2e-6, err_msg=text)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("tf.constant(1, dtype=tf.float16)", TypeError, "float16"),
        ("tf.constant(1, dtype='nonsense')", TypeError, "nonsense"),
        ("tf.placeholder(tf.float32)", NotImplementedError, "keras.Input"),
        ("tf.lite", AttributeError, "onnx"),
        ("tf.saved_model", AttributeError, "load_model"),
        ("tf.math.nonsense", AttributeError, "tensorflow.math.nonsense"),
        ("tf.np", AttributeError, "tensorflow.np"),
        ("tf.compat.v1.Session().run(1, feed_dict={1: 2})", NotImplementedError, "feed_dict"),
        ("tf.compat.v1.ConfigProto(threads=3)", ValueError, "intra_op_parallelism_threads"),
        ("tf.nn.softmax_cross_entropy_with_logits(X, None)", ValueError, "logits"),
        ("tf.nn.conv2d(X, X, 1, 'full')", ValueError, "full"),
        ("tf.config.set_visible_devices([], 'CPU')", ValueError, "only device"),
        ("tf.debugging.assert_equal([1], [2], 'not so')", ValueError, "not so"),
        ("tf.debugging.check_numerics([np.nan], 'here')", ValueError, "here.*NaN"),
        ("tf.image.central_crop(X, 2.0)", ValueError, "central_fraction"),
        ("tf.image.random_contrast(X, 2.0, 1.0)", ValueError, "upper"),
        ("tf.ensure_shape(X, [None, 4])", ValueError, "incompatible"),
        ("tf.no_gradient('op')", NotImplementedError, "stop_gradient"),
        ("tf.distribute.MirroredStrategy(['/gpu:0', '/gpu:1'])", ValueError, "only device"),
        ("tf.sort([1], direction='UP')", ValueError, "UP"),
        ("tf.Tensor()", TypeError, "tf.constant"),
    ],
)
def test_what_is_refused(tf, text, error, words):
    with pytest.raises(error, match=words):
        eval(text, {"tf": tf, "np": np, "X": X})


def test_threads_are_those_that_were_asked_for(tf):
    before = _core.num_threads()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        assert _core.num_threads() == 1 == tf.config.threading.get_intra_op_parallelism_threads()
        tf.compat.v1.Session(config=tf.compat.v1.ConfigProto(intra_op_parallelism_threads=2))
        assert _core.num_threads() == 2
        config = tf.compat.v1.ConfigProto()
        config.gpu_options.allow_growth = True
        config.intra_op_parallelism_threads = 1
        with tf.compat.v1.Session(config=config) as session:
            assert _core.num_threads() == 1 and tf.compat.v1.get_default_session() is session
            assert session.run([tf.constant(3), tf.Variable(2.0)]) == [3, 2.0]
        assert tf.compat.v1.get_default_session() is None
    finally:
        _core.set_num_threads(before)


def test_scopes_and_files(tf, tmp_path, capsys):
    with tf.device("/gpu:0"), tf.name_scope("block"), tf.distribute.MirroredStrategy().scope():
        y = tf.ones([2])
    assert y.numpy().tolist() == [1, 1]
    tf.config.set_soft_device_placement(False)
    try:
        with pytest.raises(ValueError, match="gpu:0"), tf.device("/gpu:0"):
            pass
    finally:
        tf.config.set_soft_device_placement(True)
    path = tmp_path / "deep" / "a.png"
    tf.io.write_file(str(path), tf.io.encode_png(PICTURE))
    contents = tf.io.read_file(str(path))
    assert contents.numpy() == path.read_bytes() and tf.io.gfile.exists(str(path))
    np.testing.assert_array_equal(tf.image.decode_png(contents), PICTURE)
    stream = io.StringIO()
    tf.print("loss:", tf.constant([1, 2]), output_stream=stream)
    assert stream.getvalue() == "loss: [1 2]\n"


def test_pictures_of_a_batch_are_turned_one_by_one(tf):
    tf.random.set_seed(1)
    batch = np.broadcast_to(PICTURE, (40, *PICTURE.shape))
    flipped = np.asarray(tf.image.random_flip_left_right(batch))
    turned = [np.array_equal(p, PICTURE[:, ::-1]) for p in flipped]
    assert 8 < sum(turned) < 32 and all(t or np.array_equal(p, PICTURE) for t, p in zip(turned, flipped, strict=True))


def test_shapes_of_random_tensors_and_set_shape(tf):
    assert tf.random.uniform(tf.shape(tf.zeros((2, 3)))).shape == (2, 3)
    assert tf.random.normal([4]).shape == tf.random.normal(np.array([4])).shape == (4,)
    x = tf.zeros((2, 3))
    x.set_shape([None, 3])
    with pytest.raises(ValueError, match="does not fit"):
        x.set_shape([None, 4])
