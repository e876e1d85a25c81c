"""Text as rows of indices of words, or as vectors."""

from __future__ import annotations

import numpy as np

from ... import config
from ...utils import serialization
from ...utils.text import as_text, lower, map_text, ngrams, object_array, padded, strip_punctuation
from ..adapting import batches_of_data
from ..node import symbolic
from .encoding import standardize_mode
from .host_layer import HostLayer
from .string_lookup import StringLookup

_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")
_ROWS = 256  # that a function of the user's gets at once


def _check_choice(argument: str, value, allowed: tuple) -> None:
    if not (value is None or callable(value) or value in allowed):
        raise ValueError(
            f"Unknown value for `{argument}` argument of layer TextVectorization. Allowed values are: "
            f"`None`, {allowed} or a callable. Received: {argument}={value!r}"
        )


class TextVectorization(HostLayer):
    """Text as indices of words in a vocabulary, a row for each text.

    Each text is put into a standard form, split into words, and each word looked up. The vocabulary is given, or made
    by `adapt`. The layer computes with NumPy before a step runs: it takes inputs of a model (`Input((1,),
    dtype="string")`), arrays, and elements in `Dataset.map()`.

    Args:
        max_tokens: int, the largest size of the vocabulary with the special tokens. Default None: no limit.
        standardize: "lower_and_strip_punctuation" (default), "lower", "strip_punctuation", None, or a function of an
            array of text that returns one.
        split: "whitespace" (default), "character", None (texts are words), or a function of an array of text that
            returns a list of words for each.
        ngrams: int n (words, pairs, ... up to n in a row become terms), or a tuple of lengths. Default None: words.
        output_mode: "int" (default: indices, padded with 0), "multi_hot", "count" or "tf_idf", as in `StringLookup`.
        output_sequence_length: int, to which rows of indices are cut or padded. Default None: the longest of a batch.
        pad_to_max_tokens: whether vectors have `max_tokens` entries even if there are fewer words. Default False.
        vocabulary: list or array of words, or the path of a text file. Default None: `adapt` makes it.
        idf_weights: list or array of floats, for "tf_idf" with a given vocabulary. Default None.
        sparse, ragged: not supported, must be False.
        name: str, the name of the layer. Default None: generated.
        encoding: str, of text given as bytes. Default "utf-8".

    Input: text (batch,) or (batch, 1). Output: int64 (batch, length), or (batch, size) vectors.

    Raises:
        ValueError: an invalid argument, more than one text in a row.
        RuntimeError: a call before the layer has a vocabulary.
    """

    takes_text = True

    def __init__(
        self,
        max_tokens=None,
        standardize="lower_and_strip_punctuation",
        split="whitespace",
        ngrams=None,
        output_mode="int",
        output_sequence_length=None,
        pad_to_max_tokens=False,
        vocabulary=None,
        idf_weights=None,
        sparse=False,
        ragged=False,
        encoding="utf-8",
        name=None,
        **kwargs,
    ):
        _check_choice("standardize", standardize, _STANDARDIZE)
        _check_choice("split", split, _SPLIT)
        output_mode = standardize_mode("TextVectorization", output_mode)
        widths = list(ngrams) if isinstance(ngrams, (tuple, list)) else [1 if ngrams is None else ngrams]
        if not all(isinstance(n, int) and n > 0 for n in widths):
            raise ValueError(f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}")
        if output_mode == "int" and not isinstance(output_sequence_length, (int, type(None))):
            raise ValueError(
                "`output_sequence_length` must be either None or an integer when `output_mode` is 'int'. "
                f"Received: output_sequence_length={output_sequence_length}"
            )
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(
                "`output_sequence_length` must not be set if `output_mode` is not 'int'. "
                f"Received output_sequence_length={output_sequence_length}."
            )
        if ragged:
            raise ValueError("TextVectorization(ragged=True) is not supported by pykernels; rows are padded with 0")
        size, fixed = kwargs.pop("vocabulary_size", None), kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("dtype", None)
        super().__init__(name=name, **kwargs)
        self._standardize, self._split = standardize, split
        self._ngrams_arg = ngrams if ngrams is None or isinstance(ngrams, int) else tuple(ngrams)
        self._widths = None if ngrams is None else tuple(range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams)
        self._output_mode = output_mode
        self._output_sequence_length = output_sequence_length
        self._encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            encoding=encoding,
            vocabulary_size=size,
            has_input_vocabulary=fixed,
        )

    # --- the vocabulary ---------------------------------------------------------------------------------
    def adapt(self, data, batch_size=None, steps=None) -> None:
        """Makes the vocabulary of the words in `data`, as `StringLookup.adapt` does.

        Args:
            data: array or list of texts, or something that gives batches of them (`tf.data.Dataset`).
            batch_size: has no effect: arrays are read at once.
            steps: int, how many batches are read. Default None: all.
        """
        self.reset_state()
        for batch in batches_of_data(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data) -> None:
        """Counts the words of a batch of texts."""
        self._lookup_layer.count_documents(self._words(data))

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forgets the counts of `update_state`."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens=True) -> list[str]:
        """The words in the order of their indices; see `StringLookup.get_vocabulary`."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary, idf_weights=None) -> None:
        """Sets the words, in place of `adapt`; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """The number of indices: of the words, of padding, and of words outside of the vocabulary."""
        return self._lookup_layer.vocabulary_size()

    @property
    def output_is_known(self) -> bool:
        """Whether the shape of the output does not wait for the vocabulary."""
        return self._output_mode == "int" or self._lookup_layer.has_vocabulary

    # --- computing --------------------------------------------------------------------------------------
    def _words(self, inputs) -> list[list[str]]:
        """The terms of each text."""
        text = as_text(inputs, self._encoding)
        if text.ndim == 0:
            text = text[None]
        if self._split is not None and text.ndim > 1:
            if text.shape[-1] != 1 or text.ndim > 2:
                raise ValueError(
                    f"Layer '{self.name}': when using `TextVectorization` to tokenize strings, the input rank must be "
                    f"1 or the last shape dimension must be 1. Received: inputs.shape={text.shape}"
                )
            text = text[..., 0]
        if callable(self._standardize):
            text = as_text(self._in_parts(self._standardize, text), self._encoding)
        else:
            how = self._standardize or ""
            text = lower(text) if "lower" in how else text
            text = strip_punctuation(text) if "strip" in how else text
        rows = self._split_rows(text)
        return rows if self._widths is None else [ngrams(row, self._widths) for row in rows]

    def _split_rows(self, text: np.ndarray) -> list[list[str]]:
        if self._split is None:
            return [list(row) if isinstance(row, np.ndarray) else [row] for row in text]
        if self._split == "whitespace":
            return list(map_text(str.split, text))
        if self._split == "character":
            return list(map_text(list, text))
        found = self._in_parts(self._split, text)
        return [
            [word.decode(self._encoding) if isinstance(word, bytes) else str(word) for word in row] for row in found
        ]

    def _in_parts(self, function, text: np.ndarray):
        """A function of the user's, given a few rows at a time: arrays of text take the room of the longest."""
        found: list = []
        for start in range(0, len(text), _ROWS):
            result = function(text[start : start + _ROWS].astype(str))
            found.extend(result.to_list() if hasattr(result, "to_list") else result)
        return found if function is self._split else object_array(found)

    def call(self, inputs):
        lookup = self._lookup_layer
        if not lookup.has_vocabulary:
            raise RuntimeError(
                f"Layer '{self.name}' (of type TextVectorization) has no vocabulary yet: call `adapt()` or "
                "`set_vocabulary()` first."
            )
        words = self._words(inputs)
        indices = lookup.indices_of([word for row in words for word in row])
        rows = np.split(indices, np.cumsum([len(row) for row in words])[:-1]) if words else []
        if self._output_mode == "int":
            return padded(rows, self._output_sequence_length)
        return lookup.vectors_of(rows if self._output_mode != "one_hot" else np.stack(rows))

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        if self._output_mode == "int":
            length = self._output_sequence_length
            return (shape[0], shape[-1] if length is None and self._split is None and len(shape) > 1 else length)
        return self._lookup_layer.compute_output_shape((shape[0], None))

    def compute_output_spec(self, inputs):
        """A symbolic tensor of the output's shape and dtype."""
        dtype = config.floatx() if self._output_mode == "tf_idf" else "int64"
        return symbolic(self.compute_output_shape(inputs.shape), dtype)

    # --- files ------------------------------------------------------------------------------------------
    def get_config(self):
        base, lookup = super().get_config(), self._lookup_layer.get_config()
        base.pop("dtype", None)
        return {
            **base,
            "max_tokens": lookup["max_tokens"],
            "standardize": _serialized(self._standardize),
            "split": _serialized(self._split),
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup["pad_to_max_tokens"],
            "sparse": False,
            "ragged": False,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self._encoding,
            "vocabulary_size": lookup["vocabulary_size"],
        }

    @classmethod
    def from_config(cls, config):
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config = {**config, name: serialization.deserialize_keras_object(config[name])}
        if isinstance(config.get("ngrams"), list):
            config = {**config, "ngrams": tuple(config["ngrams"])}
        return cls(**config)

    @property
    def numbers_beside_variables(self) -> int:
        """How many numbers `load_own_variables` may ask for."""
        return self._lookup_layer.numbers_beside_variables

    def save_own_variables(self, store) -> None:
        """Keeps the weights of words, with `output_mode="tf_idf"`."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store) -> None:
        """Takes the weights of words from `store`."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path) -> None:
        """Writes `vocabulary.txt` into a folder, unless the configuration holds the vocabulary."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path) -> None:
        """Reads what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _serialized(value):
    return serialization.serialize_keras_object(value) if callable(value) else value
