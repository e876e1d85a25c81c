"""Train and predict on a CPU without AVX: run under ``qemu-x86_64 -cpu Nehalem``."""

import numpy as np

import pykernels as keras
from pykernels import _core, layers

assert _core.isa() == "scalar", _core.isa()
assert _core.available_isas() == ["scalar"], _core.available_isas()
keras.show_config()
x = np.random.default_rng(0).random((64, 8), dtype=np.float32)
y = (x.sum(axis=1) > 4).astype(np.int32)
model = keras.Sequential(
    [keras.Input((8,)), layers.Dense(16, activation="tanh"), layers.Dense(2, activation="softmax")]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=5, batch_size=16, verbose=0)
losses = history.history["loss"]
assert losses[-1] < losses[0], losses
assert model.predict(x, verbose=0).shape == (64, 2)
print("trained without AVX: loss", losses)
