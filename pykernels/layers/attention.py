"""Attention, AdditiveAttention and MultiHeadAttention."""

from __future__ import annotations

import math
import string

import numpy as np

from .. import constraints, initializers, ops, random, regularizers
from ..utils.masks import get_mask, set_mask
from .activation_layers import Softmax
from .dropout import Dropout
from .einsum_dense import EinsumDense
from .layer import Layer


def causal_mask(steps: int, values: int) -> np.ndarray:
    """bool (1, steps, values): True where a step may see a value, which is not after it."""
    return np.tril(np.ones((1, steps, values), bool))


class Attention(Layer):
    """Dot-product attention (Luong et al., 2015).

    Args:
        use_scale: whether the scores are multiplied by a trained scalar. Default False.
        score_mode: "dot" (default): products of queries and keys; "concat": the sum of tanh(query + key) over the
            features, times a trained scalar.
        dropout: float, the share of scores that is dropped in training. Default 0.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `Layer`.

    Call arguments: inputs: [query (batch, Tq, dim), value (batch, Tv, dim)] or [query, value, key]; mask: [query mask
    (batch, Tq), value mask (batch, Tv)]; training; return_attention_scores: whether the scores (batch, Tq, Tv) are
    returned too; use_causal_mask: whether a step sees no later ones. Output shape: (batch, Tq, dim).

    Raises:
        ValueError: an unknown `score_mode`, or inputs that are no list of two or three.
    """

    decides_weights = frozenset(("use_scale", "score_mode"))

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if dropout > 0 else None
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )
        self.supports_masking = True
        self.scale = self.concat_score_weight = None

    def build(self, input_shape):
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    def _scores(self, query, key):
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        both = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        if self.scale is not None:
            both = ops.multiply(both, self.scale)
        return ops.multiply(ops.sum(ops.tanh(both), axis=-1), self.concat_score_weight)

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self._check(inputs, mask)
        query, value = inputs[:2]
        scores = self._scores(query, inputs[2] if len(inputs) > 2 else value)
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        used = None if value_mask is None else ops.expand_dims(ops.cast(value_mask, "bool"), -2)
        if use_causal_mask:
            causal = causal_mask(scores.shape[-2], scores.shape[-1])
            used = causal if used is None else ops.logical_and(used, causal)
        if used is not None:
            scores = ops.where(used, scores, ops.subtract(scores, 1e9))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = ops.matmul(weights, value)
        if query_mask is not None:
            output = ops.where(ops.expand_dims(ops.cast(query_mask, "bool"), -1), output, ops.zeros_like(output))
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs, mask=None):
        """The mask of the query."""
        return mask[0] if mask else None

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], input_shape[1][-1])

    def _check(self, inputs, mask=None) -> None:
        name = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely [query, value] or [query, value, key]. "
                f"Received: inputs={inputs}."
            )
        if not 2 <= len(inputs) <= 3:
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or [query, value, key]. "
                f"Received length: {len(inputs)}."
            )
        if mask is not None and not isinstance(mask, list):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. Received: mask={mask}."
            )
        if mask is not None and not 2 <= len(mask) <= 3:
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3. Received: inputs={inputs}, mask={mask}."
            )

    def get_config(self):
        own = {"use_scale": self.use_scale, "score_mode": self.score_mode, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **own}


class AdditiveAttention(Attention):
    """Additive attention (Bahdanau et al., 2014): scores are the sum of scale * tanh(query + key) over the features.

    Args:
        use_scale: whether there is a trained scale (dim,). Default True.
        dropout: float, the share of scores that is dropped in training. Default 0.
        **kwargs: `seed` of `Attention`, and arguments of `Layer`.

    Call arguments and output: as in `Attention`.

    Raises:
        ValueError: inputs that are no list of two or three.
    """

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform")

    def _scores(self, query, key):
        active = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(active if self.scale is None else ops.multiply(active, self.scale), axis=-1)

    def get_config(self):
        config = super().get_config()
        del config["score_mode"]
        return config


class MultiHeadAttention(Layer):
    """Attention with several heads (Vaswani et al., 2017).

    Args:
        num_heads: positive int. key_dim: positive int, the size of a head's queries and keys.
        value_dim: positive int, the size of a head's values. Default None: `key_dim`.
        dropout: float, the share of scores that is dropped in training. Default 0.
        use_bias: whether the four products have biases. Default True.
        output_shape: int or tuple, the output's last axes. Default None: the query's last axis.
        attention_axes: int or tuple, the axes that are attended over. Default None: all but the batch and the features.
        sliding_window: positive int: a step sees values less than so many places away. Default None: all.
        flash_attention: must not be True: there is no such kernel.
        kernel_initializer, bias_initializer: initializers, "glorot_uniform" and "zeros" by default.
        kernel_regularizer, bias_regularizer, activity_regularizer: regularizers, of each product. Default None.
        kernel_constraint, bias_constraint: constraints. Default None.
        use_gate: whether the result is multiplied by a sigmoid of a product of the query. Default False.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `Layer`.

    Call arguments: query (batch, T, dim); value (batch, S, dim); key, the value by default; query_mask, value_mask,
    key_mask: bool (batch, steps), by default those that the inputs carry, which they then lose, as in Keras: the output
    has the query's; attention_mask: bool (batch, T, S); return_attention_scores: whether the scores
    (batch, heads, T, S) are returned too; training; use_causal_mask: whether a step sees no later ones.

    Raises:
        ValueError: an argument that is not of its kind; values and keys of other lengths.
    """

    remade_to_assign = False

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        **kwargs,
    ):
        for name, value in (("num_heads", num_heads), ("key_dim", key_dim), ("value_dim", value_dim)):
            if not (isinstance(value, int) and value > 0) and not (name == "value_dim" and value is None):
                raise ValueError(
                    f"Received an invalid value for argument `{name}`, expected a positive integer. "
                    f"Received: {name}={value}"
                )
        if sliding_window is not None and not (isinstance(sliding_window, int) and sliding_window > 0):
            raise ValueError(
                f"`sliding_window` must be `None` or a positive integer. Received: sliding_window={sliding_window}"
            )
        if flash_attention:
            raise ValueError("MultiHeadAttention(flash_attention=True) is not supported by pykernels; leave it out")
        super().__init__(**kwargs)
        self.supports_masking = True
        self._num_heads, self._key_dim, self._value_dim = num_heads, key_dim, value_dim or key_dim
        self._dropout, self._use_bias, self._use_gate = dropout, use_bias, use_gate
        self._output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape and tuple(output_shape)
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self._sliding_window = sliding_window
        self._projection = {
            "kernel_initializer": initializers.get(kernel_initializer),
            "bias_initializer": initializers.get(bias_initializer),
            "kernel_regularizer": regularizers.get(kernel_regularizer),
            "bias_regularizer": regularizers.get(bias_regularizer),
            "activity_regularizer": regularizers.get(activity_regularizer),
            "kernel_constraint": constraints.get(kernel_constraint),
            "bias_constraint": constraints.get(bias_constraint),
        }
        self.seed = seed

    num_heads = property(lambda self: self._num_heads, doc="The number of heads.")
    key_dim = property(lambda self: self._key_dim, doc="The size of a head's queries and keys.")
    value_dim = property(lambda self: self._value_dim, doc="The size of a head's values.")
    dropout = property(lambda self: self._dropout, doc="The share of scores that is dropped in training.")
    use_bias = property(lambda self: self._use_bias, doc="Whether the products have biases.")
    attention_axes = property(lambda self: self._attention_axes, doc="The axes that are attended over.")

    def _product(self, shape, bound: int, outputs, name: str, activation=None) -> EinsumDense:
        """A layer that multiplies the last `bound` axes of an input of `shape` into axes of the extents `outputs`."""
        free = len(shape) - bound
        letters = string.ascii_lowercase
        lead, inner = letters[:free], letters[free : free + bound]
        new = letters[free + bound : free + bound + len(outputs)]
        layer = EinsumDense(
            f"{lead}{inner},{inner}{new}->{lead}{new}",
            output_shape=[None] * (free - 1) + list(outputs),
            bias_axes=new if self._use_bias else None,
            activation=activation,
            name=name,
            dtype=self.dtype,
            **{k: _fresh(v) if k.endswith("initializer") else v for k, v in self._projection.items()},
        )
        layer.build(tuple(shape))
        return layer

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        self._check_lengths(value_shape, key_shape)
        heads, rank = self._num_heads, len(value_shape) + 1
        self.query_dense = self._product(query_shape, 1, (heads, self._key_dim), "query")
        self.key_dense = self._product(key_shape, 1, (heads, self._key_dim), "key")
        if self._use_gate:
            self._gate_dense = self._product(query_shape, 1, (heads, self._value_dim), "gate", "sigmoid")
        self.value_dense = self._product(value_shape, 1, (heads, self._value_dim), "value")
        axes = self._attention_axes
        axes = range(1, rank - 2) if axes is None else [a if a >= 0 else rank - 1 + a for a in axes]
        self._attention_axes = tuple(axes)
        self._equations = _equations(rank, self._attention_axes)
        scores = tuple(range(-len(self._attention_axes), 0))
        self._softmax = Softmax(axis=scores if len(scores) > 1 else -1, dtype=self.dtype)
        self._dropout_layer = Dropout(rate=self._dropout, dtype=self.dtype, seed=self.seed)
        outputs = self._output_shape or (query_shape[-1],)
        self.output_dense = self._product((*query_shape[:-1], heads, self._value_dim), 2, outputs, "attention_output")

    def _check_lengths(self, value_shape, key_shape) -> None:
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                "All dimensions of `value` and `key`, except the last one, must be equal. Received: "
                f"value_shape={value_shape} and key_shape={key_shape}"
            )

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        key = value if key is None else key
        mask = self._mask(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        for x in (query, value, key):  # Keras's masks end here: what else reads the inputs sees none
            if get_mask(x) is not None:
                set_mask(x, None)
        gate = self._gate_dense(query) if self._use_gate else None
        output, scores = self._compute_attention(
            self.query_dense(query),
            self.key_dense(key),
            self.value_dense(value),
            mask,
            training,
            return_attention_scores,
        )
        output = self.output_dense(output if gate is None else ops.multiply(output, gate))
        return (output, scores) if return_attention_scores else output

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False):
        """Attention of projected queries (batch, T, heads, key_dim), keys and values.

        Returns:
            (the heads' results (batch, T, heads, value_dim), the scores).
        """
        query = ops.multiply(query, 1.0 / math.sqrt(self._key_dim))
        if attention_mask is not None:
            attention_mask = ops.cast(attention_mask, "bool")
            for _ in range(len(query.shape) + len(self._attention_axes) - 1 - len(attention_mask.shape)):
                attention_mask = ops.expand_dims(attention_mask, -2 * len(self._attention_axes) - 1)
        simple = len(query.shape) == 4 and self._attention_axes == (1,)
        if simple:
            scores = ops.matmul(ops.transpose(query, (0, 2, 1, 3)), ops.transpose(key, (0, 2, 3, 1)))
        else:
            scores = ops.einsum(self._equations[0], key, query)
        if simple and not return_attention_scores and self._dropout == 0 and attention_mask is not None:
            # Where nothing may be seen, all is seen alike, as in Keras.
            weights = ops.softmax(ops.where(attention_mask, scores, ops.cast(-1e30, str(scores.dtype))), axis=-1)
        else:
            weights = self._softmax(scores, mask=attention_mask)
        dropped = self._dropout_layer(weights, training=training) if self._dropout > 0 else weights
        if simple:
            output = ops.transpose(ops.matmul(dropped, ops.transpose(value, (0, 2, 1, 3))), (0, 2, 1, 3))
        else:
            output = ops.einsum(self._equations[1], dropped, value)
        return output, weights

    def _mask(self, query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask):
        """All masks in one, (batch or 1, T, S); None for none."""
        masks = [] if attention_mask is None else [ops.cast(attention_mask, "bool")]
        for given, axis in ((query_mask, -1), (value_mask, -2), (key_mask, -2)):
            if given is not None:
                masks.append(ops.expand_dims(ops.cast(given, "bool"), axis))
        steps, values = query.shape[1], value.shape[1]
        if (use_causal_mask or self._sliding_window is not None) and None in (steps, values):
            steps = values = 1  # only the shape is asked for
        if use_causal_mask:
            masks.append(causal_mask(steps, values))
        if self._sliding_window is not None:
            distance = np.abs(np.arange(steps)[:, None] - np.arange(values)[None])
            masks.append((distance < self._sliding_window)[None])
        found = None
        for mask in masks:
            found = mask if found is None else ops.logical_and(found, mask)
        return found

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        self._check_lengths(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._output_shape or query_shape[-1:]))

    def get_config(self):
        projection = self._projection
        serialized = {
            name: (initializers if "init" in name else constraints if "constraint" in name else regularizers).serialize(
                value
            )
            for name, value in projection.items()
        }
        return {
            **super().get_config(),
            "num_heads": self._num_heads,
            "key_dim": self._key_dim,
            "value_dim": self._value_dim,
            "dropout": self._dropout,
            "use_bias": self._use_bias,
            "use_gate": self._use_gate,
            "output_shape": self._output_shape,
            "attention_axes": self._attention_axes,
            "sliding_window": self._sliding_window,
            **serialized,
            "seed": self.seed,
        }


def _fresh(initializer):
    """Another initializer like this one, so that products do not start alike."""
    return (
        type(initializer).from_config(initializer.get_config()) if hasattr(initializer, "get_config") else initializer
    )


def _equations(rank: int, axes: tuple) -> tuple[str, str]:
    """The einsums of keys with queries, and of scores with values, for projected tensors of this rank."""
    target = string.ascii_lowercase[:rank]
    others = iter(string.ascii_lowercase[rank:])
    batch = [i for i in range(rank - 1) if i not in axes]
    source = "".join(c if i in batch or i == rank - 1 else next(others) for i, c in enumerate(target))
    scores = "".join([target[i] for i in batch] + [target[i] for i in axes] + [source[i] for i in axes])
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}"
