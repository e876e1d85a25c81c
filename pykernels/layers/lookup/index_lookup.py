"""What StringLookup and IntegerLookup share: a vocabulary, and the index of each of its terms."""

from __future__ import annotations

import json
import os

import numpy as np

from ... import config
from ...utils import serialization
from ...utils.load_budget import load_budget
from ..adapting import batches_of_data
from ..node import symbolic
from .encoding import encode, encoded_shape, standardize_mode
from .host_layer import HostLayer

_LINES, _EXACT = "vocabulary.txt", "vocabulary.json"


class Vocabulary:
    """Terms in the order of their indices, from `first` on. In a class of its own, so that a layer that holds it is not
    searched for variables term by term."""

    __slots__ = ("indices", "terms")

    def __init__(self, terms: list, first: int):
        self.terms = terms
        self.indices = {term: i for i, term in enumerate(terms, first)}


class _TermCounts:
    """How often terms were seen, and in how many documents."""

    __slots__ = ("by_document", "documents", "terms")

    def __init__(self):
        self.terms: dict = {}
        self.by_document: dict = {}
        self.documents = 0

    def add(self, rows, by_document: bool) -> None:
        for row in rows:
            self.documents += 1
            for term in row:
                self.terms[term] = self.terms.get(term, 0) + 1
            for term in set(row) if by_document else ():
                self.by_document[term] = self.by_document.get(term, 0) + 1


_DROPPED = np.iinfo("int64").max  # the index of the mask token where vectors are given: it counts for nothing


class IndexLookup(HostLayer):
    """The base class of lookups; see `StringLookup`. A subclass says what a term is."""

    vocabulary_dtype = "int64"

    def __init__(
        self,
        max_tokens,
        num_oov_indices,
        mask_token,
        oov_token,
        vocabulary,
        idf_weights,
        invert,
        output_mode,
        sparse,
        pad_to_max_tokens,
        name=None,
        **kwargs,
    ):
        kind = type(self).__name__
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens={max_tokens}")
        if num_oov_indices < 0:
            raise ValueError(
                f"`num_oov_indices` must be greater than or equal to 0. Received: num_oov_indices={num_oov_indices}"
            )
        output_mode = standardize_mode(kind, output_mode)
        if sparse:
            raise ValueError(f"{kind}(sparse=True) is not supported by pykernels; vectors are dense arrays")
        if invert and output_mode != "int":
            raise ValueError(f"`output_mode` must be 'int' when `invert` is true. Received: output_mode={output_mode}")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(
                f"`idf_weights` should only be set if `output_mode` is 'tf_idf'. Received: idf_weights={idf_weights} "
                f"and output_mode={output_mode}"
            )
        self._given_size = kwargs.pop("vocabulary_size", None)
        fixed = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        self.oov_method = kwargs.pop("oov_method", "floormod")
        if self.oov_method not in ("floormod", "farmhash"):
            raise ValueError(
                f"Unknown value for `oov_method` argument of layer {kind}. Allowed values are: ('floormod', "
                f"'farmhash'). Received: oov_method={self.oov_method!r}"
            )
        kwargs.pop("vocabulary_dtype", None)
        kwargs.pop("dtype", None)
        super().__init__(name=name, **kwargs)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = output_mode
        self.sparse = False
        self.pad_to_max_tokens = pad_to_max_tokens
        self.input_vocabulary = None if isinstance(vocabulary, (str, os.PathLike)) else vocabulary
        self.input_idf_weights = idf_weights
        self._fixed = fixed
        self._vocabulary: Vocabulary | None = None
        self.idf_weights: np.ndarray | None = None
        if vocabulary is not None and output_mode == "tf_idf" and idf_weights is None:
            raise ValueError(
                "When specifying the `vocabulary` argument, in TF-IDF output mode, the `idf_weights` argument must "
                "also be provided."
            )
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # --- what a subclass says ---------------------------------------------------------------------------
    def _as_terms(self, x) -> np.ndarray:
        """An array of terms."""
        raise NotImplementedError

    def _hashed(self, term) -> int:
        """Which of several indices for terms outside of the vocabulary a term has."""
        raise NotImplementedError

    # --- the vocabulary ---------------------------------------------------------------------------------
    @property
    def _first_oov(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _first_term(self) -> int:
        return self._first_oov + self.num_oov_indices

    @property
    def _special(self) -> list:
        return [self.mask_token] * self._first_oov + [self.oov_token] * self.num_oov_indices

    @property
    def has_vocabulary(self) -> bool:
        """Whether a vocabulary was given or made."""
        return self._vocabulary is not None

    @property
    def _terms(self) -> list:
        return self._vocabulary.terms if self.has_vocabulary else []

    def vocabulary_size(self) -> int:
        """The number of indices: of the terms, the mask token and those outside of the vocabulary."""
        return self._first_term + len(self._terms)

    def get_vocabulary(self, include_special_tokens=True) -> list:
        """The terms in the order of their indices.

        Args:
            include_special_tokens: whether the mask token and the token of terms outside of the vocabulary come
                first, so that a term's place is its index. Default True.
        """
        return [*(self._special if include_special_tokens else ()), *self._terms]

    def set_vocabulary(self, vocabulary, idf_weights=None) -> None:
        """Sets the terms, in place of `adapt`.

        Args:
            vocabulary: list or array of terms, with or without the special ones at the beginning, or the path of a
                text file with a term in each line.
            idf_weights: list or array of numbers, one for each term, with `output_mode="tf_idf"` only.

        Raises:
            ValueError: repeated terms, more than `max_tokens`, special tokens in another place, a file that does not
                exist (or any file, while a model file is read in safe mode), weights that do not fit.
        """
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                f"`idf_weights` should only be set if output_mode is 'tf_idf'. Received: output_mode={self.output_mode}"
                f" and idf_weights={idf_weights}"
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = self._terms_of_file(os.fspath(vocabulary))
        terms = self._as_terms(vocabulary).ravel().tolist()
        if not terms:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        complete = self._special == terms[: self._first_term]
        tokens = terms[self._first_term :] if complete else terms
        self._check_terms(tokens)
        if self.output_mode == "tf_idf":
            self._set_weights_of_terms(idf_weights, len(terms), complete)
        self._set_terms(tokens)

    def _terms_of_file(self, path: str) -> list:
        if load_budget() is not None and serialization.in_safe_mode():
            raise ValueError(
                f"Layer '{self.name}' names a vocabulary file outside of the model's own file: '{path}'. It is not "
                "read, because a model file could name any file. If you trust it, load the model with safe_mode=False."
            )
        if not os.path.isfile(path):
            raise ValueError(f"Vocabulary file {path} does not exist.")
        if self.output_mode == "tf_idf":
            raise ValueError("output_mode 'tf_idf' does not support loading a vocabulary from file.")
        with open(path, encoding=getattr(self, "encoding", "utf-8")) as file:
            return self._parsed(file.read().split("\n"))

    def _parsed(self, lines: list[str]) -> list:
        while lines and lines[-1] == "":
            lines.pop()
        return [line.rstrip("\r") for line in lines] if self.vocabulary_dtype == "string" else [int(x) for x in lines]

    def _check_terms(self, tokens: list) -> None:
        seen: set = set()
        repeated = [t for t in tokens if t in seen or seen.add(t)]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your dataset. The repeated "
                f"terms are: {repeated}"
            )
        for what, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and token in seen:
                raise ValueError(
                    f"Found reserved {what} token {token!r} at unexpected location in `vocabulary`. Note that passed "
                    "`vocabulary` does not need to include the OOV and mask tokens. Either remove all mask and OOV "
                    "tokens, or include them only at the start of the vocabulary in precisely this order: "
                    f"{self._special}."
                )
        size = self._first_term + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary size is "
                f"{size}; `max_tokens` is {self.max_tokens}."
            )

    def _set_weights_of_terms(self, weights, count: int, complete: bool) -> None:
        weights = np.asarray(weights, "float64")
        if weights.ndim != 1 or len(weights) != count:
            raise ValueError(
                f"`idf_weights` must be the same length as vocabulary. len(idf_weights) is {np.size(weights)}; "
                f"len(vocabulary) is {count}"
            )
        self._complete_weights(weights if complete else self._with_oov(weights))

    def _with_oov(self, weights: np.ndarray) -> np.ndarray:
        return np.concatenate([np.full(self._first_term, np.mean(weights)), weights])

    def _complete_weights(self, weights: np.ndarray) -> None:
        if self.pad_to_max_tokens:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        self._learn(idf_weights=weights.astype(config.floatx()))

    def _set_terms(self, tokens: list) -> None:
        self._learn(_vocabulary=Vocabulary(list(tokens), self._first_term), _given_size=None)

    # --- learning the vocabulary ------------------------------------------------------------------------
    def adapt(self, data, steps=None) -> None:
        """Makes the vocabulary of the terms in `data`, the most frequent first; of two as frequent, the later in the
        order of terms comes first.

        Args:
            data: array or list of terms, or something that gives batches of them (`tf.data.Dataset`).
            steps: int, how many batches are read. Default None: all.

        Raises:
            ValueError: the layer has a vocabulary that was given to it.
        """
        self.reset_state()
        for batch in batches_of_data(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets the counts of `update_state`."""
        self._counts = _TermCounts()

    def update_state(self, data) -> None:
        """Counts the terms of a batch. With two axes or more each entry of the first is a document; else it is one."""
        terms = self._as_terms(data)
        self.count_documents(terms.reshape(len(terms) if terms.ndim > 1 else 1, -1).tolist())

    def count_documents(self, rows) -> None:
        """Counts the terms of documents, each a list of terms."""
        if self._fixed:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                "`set_vocabulary()` method."
            )
        self._counts.add(rows, by_document=self.output_mode == "tf_idf")

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        counts = self._counts
        if self._fixed or not counts.terms:
            return
        for special in (self.mask_token, self.oov_token):
            counts.terms.pop(special, None)
        ordered = sorted(counts.terms, key=lambda term: (counts.terms[term], self._order_of(term)), reverse=True)
        if self.max_tokens:
            ordered = ordered[: self.max_tokens - self._first_term]
        if self.output_mode == "tf_idf":
            occurs = np.array([counts.by_document.get(term, 0) for term in ordered], "float64")
            self._complete_weights(self._with_oov(np.log(1 + counts.documents / (1 + occurs))))
        self._set_terms(ordered)
        self.reset_state()

    def _order_of(self, term):
        return term

    # --- computing --------------------------------------------------------------------------------------
    def _depth(self) -> int:
        """The length of a vector."""
        return self.max_tokens if self.pad_to_max_tokens else self._given_size or self.vocabulary_size()

    def call(self, inputs):
        if not self.has_vocabulary:
            raise RuntimeError(
                f"Layer '{self.name}' (of type {type(self).__name__}) has no vocabulary yet: call `adapt()` or "
                "`set_vocabulary()` first."
            )
        if self.invert:
            return self._inverse(np.asarray(inputs))
        terms = self._as_terms(inputs)
        indices = self.indices_of(terms.ravel().tolist()).reshape(terms.shape)
        return indices if self.output_mode == "int" else self.vectors_of(indices if indices.ndim else indices[None])

    def vectors_of(self, rows) -> np.ndarray:
        """Vectors of rows of indices; see `encode`."""
        dtype = config.floatx() if self.output_mode == "tf_idf" else "int64"
        return encode(rows, self.output_mode, self._depth(), self.idf_weights, dtype)

    def indices_of(self, terms: list) -> np.ndarray:
        """The index of each term.

        Raises:
            ValueError: a term outside of the vocabulary, with `num_oov_indices=0`.
        """
        table, mask = self._vocabulary.indices, self.mask_token
        oov = self._first_oov if self.num_oov_indices == 1 else -1
        found = np.array([table.get(term, oov) for term in terms], "int64")
        if mask is not None:
            masked = 0 if self.output_mode == "int" else _DROPPED
            found[[term == mask for term in terms]] = masked
        if self.num_oov_indices != 1 and (found < 0).any():
            outside = np.nonzero(found < 0)[0]
            if self.num_oov_indices == 0:
                raise ValueError(
                    f"Layer '{self.name}': when `num_oov_indices=0` all inputs should be in vocabulary, found OOV "
                    f"values {[terms[i] for i in outside[:10]]}, consider setting `num_oov_indices=1`."
                )
            hashes = {term: self._hashed(term) for term in {terms[i] for i in outside}}
            found[outside] = [self._first_oov + hashes[terms[i]] for i in outside]
        return found

    def _inverse(self, indices: np.ndarray) -> np.ndarray:
        terms = self.get_vocabulary()
        size = len(terms)
        flat = [terms[i] if 0 <= i < size else self.oov_token for i in indices.ravel().tolist()]
        return self._as_outputs(flat).reshape(indices.shape)

    def _as_outputs(self, terms: list) -> np.ndarray:
        return np.array(terms, "int64")

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        return shape if self.output_mode == "int" else encoded_shape(shape, self.output_mode, self._depth())

    def compute_output_spec(self, inputs):
        """A symbolic tensor of the output's shape and dtype."""
        dtype = self.vocabulary_dtype if self.invert else "int64"
        return symbolic(
            self.compute_output_shape(inputs.shape), config.floatx() if self.output_mode == "tf_idf" else dtype
        )

    # --- files ------------------------------------------------------------------------------------------
    def get_config(self):
        base = super().get_config()
        base.pop("dtype", None)
        return {
            **base,
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "oov_method": self.oov_method,
            "sparse": False,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": _plain(self.input_idf_weights),
            "vocabulary": _plain(self.input_vocabulary),
            "vocabulary_size": self.vocabulary_size() if self.has_vocabulary else self._given_size,
        }

    @property
    def numbers_beside_variables(self) -> int:
        """How many numbers `load_own_variables` may ask for."""
        return self._depth() if self.output_mode == "tf_idf" else 0

    def save_own_variables(self, store) -> None:
        """Keeps the weights of terms, with `output_mode="tf_idf"`."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store) -> None:
        """Takes the weights of terms from `store`."""
        if self.output_mode == "tf_idf":
            self._learn(idf_weights=np.asarray(store["idf_weights"], config.floatx()))

    def save_assets(self, dir_path) -> None:
        """Writes `vocabulary.txt` into a folder, unless the configuration holds the vocabulary; beside it, where lines
        cannot tell the terms (one holds a line break, the last is empty), `vocabulary.json`."""
        if self.input_vocabulary is not None or not self.has_vocabulary:
            return
        terms = self.get_vocabulary()
        text = "\n".join(map(str, terms))
        self._write(dir_path, _LINES, text)
        if self._parsed(text.split("\n")) != terms:
            self._write(dir_path, _EXACT, json.dumps(terms))

    def load_assets(self, dir_path) -> None:
        """Reads what `save_assets` wrote."""
        if self.input_vocabulary is not None:
            return
        lines, exact = self._read(dir_path, _LINES), self._read(dir_path, _EXACT)
        if exact is not None:
            terms = json.loads(exact)
            if not isinstance(terms, list) or not all(isinstance(t, str) for t in terms):
                raise ValueError(f"Layer '{self.name}': `{_EXACT}` must hold a list of words.")
        elif lines is not None:
            terms = self._parsed(lines.split("\n"))
        else:
            return
        complete = terms[: self._first_term] == self._special
        tokens = terms[self._first_term :] if complete else terms
        self._check_terms(tokens)
        self._set_terms(tokens)

    @staticmethod
    def _write(folder, name: str, text: str) -> None:
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    @staticmethod
    def _read(folder, name: str) -> str | None:
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()


def _plain(values):
    """Lists and numbers as a configuration holds them."""
    return values.tolist() if isinstance(values, np.ndarray) else None if values is None else list(values)
