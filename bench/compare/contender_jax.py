"""JAX, a training step written by hand: one compiled call a step, or a whole epoch as one compiled loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import Case, Conv, Dense, Dropout, Flatten, GlobalAveragePool, MaxPool

_ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "softmax": lambda x: x, "linear": lambda x: x}


def _convolution(x: Any, kernel: Any, padding: str) -> Any:
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _forward(case: Case, weights: list[Any], x: Any, key: Any = None) -> Any:
    """Logits of the last layer; `key` draws what dropout keeps, None keeps all."""
    pairs = iter(zip(weights[::2], weights[1::2], strict=True))
    for layer in case.layers:
        if isinstance(layer, Dense):
            kernel, bias = next(pairs)
            x = _ACTIVATIONS[layer.activation](x @ kernel + bias)
        elif isinstance(layer, Conv):
            kernel, bias = next(pairs)
            x = jax.nn.relu(_convolution(x, kernel, layer.padding) + bias)
        elif isinstance(layer, MaxPool):
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        elif isinstance(layer, GlobalAveragePool):
            x = x.mean(axis=(1, 2))
        elif isinstance(layer, Flatten):
            x = x.reshape(x.shape[0], -1)
        elif isinstance(layer, Dropout) and key is not None:
            keep = 1 - layer.rate
            x = jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)
    return x


def _loss(case: Case, weights: list[Any], x: Any, y: Any, key: Any) -> Any:
    out = _forward(case, weights, x, key)
    if case.classification:
        return -(y * jax.nn.log_softmax(out)).sum(axis=-1).mean()
    return jnp.square(out - y).mean()


def _step(case: Case, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
    weights, first, second, step = state
    key = jax.random.fold_in(jax.random.key(3), step) if case.random else None
    loss, grads = jax.value_and_grad(partial(_loss, case))(weights, x, y, key)
    step = step + 1
    if case.optimizer == "sgd":
        weights = [w - case.learning_rate * g for w, g in zip(weights, grads, strict=True)]
        return (weights, first, second, step), loss
    beta_1, beta_2, time = 0.9, 0.999, step.astype(jnp.float32)
    alpha = case.learning_rate * jnp.sqrt(1 - beta_2**time) / (1 - beta_1**time)
    first = [m + (g - m) * (1 - beta_1) for m, g in zip(first, grads, strict=True)]
    second = [v + (g * g - v) * (1 - beta_2) for v, g in zip(second, grads, strict=True)]
    moved = zip(weights, first, second, strict=True)
    return ([w - alpha * m / (jnp.sqrt(v) + 1e-7) for w, m, v in moved], first, second, step), loss


class Jax:
    """Args: `scan`: run a whole epoch as one `jax.lax.scan`, the limit of what a compiler does."""

    def __init__(self, scan: bool) -> None:
        self.scan = scan
        self.version = jax.__version__

    def prepare(self, case: Case) -> None:
        weights = [jnp.asarray(w) for w in case.weights()]
        zeros = [jnp.zeros_like(w) for w in weights]
        self.state: Any = (weights, zeros, [jnp.zeros_like(w) for w in weights], jnp.zeros((), jnp.int32))
        self.x, self.y = (jnp.asarray(a) for a in case.data())
        self.rng = np.random.default_rng(2)
        self.case = case

        @partial(jax.jit, donate_argnums=0)
        def one_step(state: Any, x: Any, y: Any, rows: Any) -> Any:
            return _step(case, state, x[rows], y[rows])

        @partial(jax.jit, donate_argnums=0)
        def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
            def body(carry: Any, rows: Any) -> Any:
                return _step(case, carry, x[rows], y[rows])

            state, losses = jax.lax.scan(body, state, order)
            return state, losses.mean()

        self.one_step, self.epoch = one_step, epoch
        self.probabilities = jax.jit(lambda weights, x: jax.nn.softmax(_forward(case, weights, x)))
        if not case.classification:
            self.probabilities = jax.jit(partial(_forward, case))

    def first_epoch(self) -> float:
        return self._epoch(np.arange(self.case.rows))

    def train(self, epochs: int) -> float:
        loss = 0.0
        for _ in range(epochs):
            loss = self._epoch(self.rng.permutation(self.case.rows))
        return loss

    def predict(self) -> Any:
        """One pass over the rows: (rows, outputs)."""
        parts = [self.x[i : i + self.case.batch] for i in range(0, self.case.rows, self.case.batch)]
        return np.concatenate([np.asarray(self.probabilities(self.state[0], part)) for part in parts])

    def _epoch(self, order: np.ndarray) -> float:
        batches = order.astype(np.int32).reshape(self.case.steps, self.case.batch)
        if self.scan:
            self.state, loss = self.epoch(self.state, self.x, self.y, batches)
            return float(loss)
        losses = []
        for rows in batches:
            self.state, loss = self.one_step(self.state, self.x, self.y, rows)
            losses.append(loss)
        return float(np.mean(jax.device_get(losses)))

    def one_row(self) -> dict[str, Any]:
        row = self.x[:1]
        return {"model(x)": lambda: np.asarray(self.probabilities(self.state[0], row))}
