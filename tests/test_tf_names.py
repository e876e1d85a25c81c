"""Names of TensorFlow for training, as scripts reach them."""

import subprocess
import sys

SCRIPT = """
import numpy as np
import tensorflow as tf

v = tf.Variable(2.0, name="v")
assert isinstance(tf.keras.layers.Dense(1), tf.keras.layers.Layer)
with tf.GradientTape() as tape:
    y = v * v
assert tape.gradient(y, v).numpy() == 4.0
with tf.GradientTape() as tape:
    y = v * v
unconnected = tf.UnconnectedGradients.ZERO
assert tape.gradient(y, tf.Variable([1.0]), unconnected_gradients=unconnected).numpy() == [0.0]
v.assign_add(1.0)
v.assign_sub(0.5)
assert (v.numpy(), float(v.read_value()), v.value.shape) == (2.5, 2.5, ())

@tf.function(jit_compile=True)
def f(x):
    assert not tf.executing_eagerly()
    (g,) = tf.gradients(x * x * x, [x])
    return tf.stop_gradient(g)

assert f(tf.ones((2,))).numpy().tolist() == [3.0, 3.0]
assert tf.executing_eagerly()
try:
    tf.gradients(y, v)
except RuntimeError as error:
    assert "GradientTape" in str(error)

@tf.custom_gradient
def square(x):
    return x * x, lambda dy: dy * 10.0

x = tf.zeros((2,)) + 3.0
with tf.GradientTape() as tape:
    tape.watch(x)
    y = square(x)
assert tape.gradient(y, x).numpy().tolist() == [10.0, 10.0]
assert tf.random.normal([500], 5.0, 0.1, seed=1).numpy().mean().round() == 5.0
assert tf.random.uniform(tf.shape(x), 2, 3).shape == (2,)
assert set(tf.random.uniform([100], maxval=3, dtype=tf.int32).numpy().tolist()) == {0, 1, 2}
assert abs(tf.random.truncated_normal([500], stddev=0.5).numpy()).max() <= 1.0
print("done")
"""


def test_names_for_training():
    found = subprocess.run(
        [sys.executable, "-m", "pykernels", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert found.stdout.strip() == "done", found.stderr
