"""JAX, a training step written by hand: one compiled call a step, or a whole epoch as one compiled loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import Case

_ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "softmax": lambda x: x, "linear": lambda x: x}


def _forward(case: Case, weights: list[Any], x: Any) -> Any:
    """Logits of the last layer."""
    x = x.reshape(x.shape[0], -1)
    for (_, activation), kernel, bias in zip(case.layers, weights[::2], weights[1::2], strict=True):
        x = _ACTIVATIONS[activation](x @ kernel + bias)
    return x


def _loss(case: Case, weights: list[Any], x: Any, y: Any) -> Any:
    out = _forward(case, weights, x)
    if case.classification:
        return -(y * jax.nn.log_softmax(out)).sum(axis=-1).mean()
    return jnp.square(out - y).mean()


def _step(case: Case, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
    weights, first, second, step = state
    loss, grads = jax.value_and_grad(partial(_loss, case))(weights, x, y)
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
        self.predict = jax.jit(lambda weights, x: jax.nn.softmax(_forward(case, weights, x)))
        if not case.classification:
            self.predict = jax.jit(partial(_forward, case))

    def first_epoch(self) -> float:
        return self._epoch(np.arange(self.case.rows))

    def train(self, epochs: int) -> float:
        loss = 0.0
        for _ in range(epochs):
            loss = self._epoch(self.rng.permutation(self.case.rows))
        return loss

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
        return {"model(x)": lambda: np.asarray(self.predict(self.state[0], row))}
