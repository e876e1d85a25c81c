"""Words and their indices."""

from __future__ import annotations

from ...utils.string_hash import fingerprint64, siphash64
from ...utils.text import as_text, object_array
from .index_lookup import IndexLookup


def check_salt(salt, layer: str) -> list[int] | None:
    """Two ints, from a salt given as one or two; None for None. Raises ValueError for anything else."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2 and all(isinstance(s, int) for s in salt):
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{layer}` can only be a tuple of size 2 integers, or a single integer. "
        f"Received: salt={salt}."
    )


def bucket_of(text: str, buckets: int, salt, encoding: str = "utf-8") -> int:
    """The bucket of a string among `buckets`: by FarmHash, or by SipHash with a salt."""
    data = text.encode(encoding)
    return (fingerprint64(data) if salt is None else siphash64(data, tuple(salt))) % buckets


class StringLookup(IndexLookup):
    """Indices of words in a vocabulary, or the words of indices.

    The vocabulary is given, or made by `adapt` of the words in a data set. Words outside of it get indices of their
    own. The layer computes with NumPy before a step runs: it takes inputs of a model (`Input(dtype="string")`), arrays,
    and elements in `Dataset.map()`.

    Args:
        max_tokens: int, the largest size of the vocabulary with the special tokens; `adapt` keeps the most frequent
            words. Default None: no limit.
        num_oov_indices: int, the number of indices for words outside of the vocabulary; with several, a hash of the
            word chooses. 0: such a word raises. Default 1.
        mask_token: str that stands for no word: index 0, and nothing in vectors. Default None: no such word.
        oov_token: str that stands for words outside of the vocabulary in `get_vocabulary` and with `invert`. Default
            "[UNK]".
        vocabulary: list or array of words, or the path of a text file with a word in each line. Default None: `adapt`
            makes it.
        idf_weights: list or array of floats, the weights of the words, for "tf_idf" only. Default None.
        invert: whether indices are given and words returned (as bytes, as TensorFlow returns them). Default False.
        output_mode: "int" (default: indices), "one_hot" (a vector for each word), "multi_hot" (a vector for each row,
            1 for each word in it), "count" (how often) or "tf_idf" (how often, times the word's weight).
        pad_to_max_tokens: whether vectors have `max_tokens` entries even if there are fewer words. Default False.
        sparse: not supported, must be False.
        name: str, the name of the layer. Default None: generated.
        encoding: str, of words given as bytes. Default "utf-8".
        salt: int or two ints, the key of SipHash in place of FarmHash for `num_oov_indices` above 1. Default None.

    Input: text (...), or ints with `invert`. Output: int64 (...) for "int"; bytes with `invert`; (..., size) for
    "one_hot" (in place of a last axis of 1), (size,) in place of the last axis otherwise: int64, and `floatx()` for
    "tf_idf".

    Raises:
        ValueError: an invalid argument; a word outside of the vocabulary with `num_oov_indices=0`.
        RuntimeError: a call before the layer has a vocabulary.
    """

    vocabulary_dtype = "string"

    @property
    def takes_text(self) -> bool:
        return not self.invert

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token="[UNK]",
        vocabulary=None,
        idf_weights=None,
        invert=False,
        output_mode="int",
        pad_to_max_tokens=False,
        sparse=False,
        encoding="utf-8",
        name=None,
        salt=None,
        **kwargs,
    ):
        self.encoding = encoding
        self.salt = check_salt(salt, type(self).__name__)
        super().__init__(
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
            name,
            **kwargs,
        )

    def _as_terms(self, x):
        return as_text(x, self.encoding)

    def _hashed(self, term):
        return bucket_of(term, self.num_oov_indices, self.salt)

    def _order_of(self, term):
        return term.encode("utf-8", "surrogateescape")

    def _as_outputs(self, terms):
        return object_array([term.encode(self.encoding) for term in terms])

    def get_config(self):
        return {**super().get_config(), "encoding": self.encoding, "salt": self.salt}
