"""Integers and their indices."""

from __future__ import annotations

import numpy as np

from .index_lookup import IndexLookup
from .string_lookup import bucket_of, check_salt


class IntegerLookup(IndexLookup):
    """Indices of integers in a vocabulary, or the integers of indices. See `StringLookup`.

    Args:
        max_tokens, num_oov_indices, idf_weights, invert, output_mode, pad_to_max_tokens: as in `StringLookup`.
        mask_token: int that stands for no value. Default None.
        oov_token: int that stands for values outside of the vocabulary. Default -1.
        vocabulary: list or array of ints, or the path of a text file with one in each line. Default None: `adapt`
            makes it.
        vocabulary_dtype: "int64" (default) or "int32"; computed as int64.
        sparse: not supported, must be False.
        name: str, the name of the layer. Default None: generated.
        oov_method: "floormod" (default: the remainder) or "farmhash" (a hash of the digits) chooses among several
            indices for values outside of the vocabulary.
        salt: int or two ints, the key of SipHash in place of FarmHash. Default None.

    Input: ints (...), also as floats. Output: as in `StringLookup`.

    Raises:
        ValueError: an invalid argument; a value outside of the vocabulary with `num_oov_indices=0`.
        RuntimeError: a call before the layer has a vocabulary.
    """

    def __init__(
        self,
        max_tokens=None,
        num_oov_indices=1,
        mask_token=None,
        oov_token=-1,
        vocabulary=None,
        vocabulary_dtype="int64",
        idf_weights=None,
        invert=False,
        output_mode="int",
        sparse=False,
        pad_to_max_tokens=False,
        oov_method="floormod",
        name=None,
        salt=None,
        **kwargs,
    ):
        if vocabulary_dtype not in ("int64", "int32"):
            raise ValueError(
                "If `vocabulary_dtype` is set, it must be 'int64' or 'int32'. "
                f"Received: vocabulary_dtype={vocabulary_dtype}"
            )
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}")
        self.salt = check_salt(salt, type(self).__name__)
        self.vocabulary_dtype = vocabulary_dtype
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
            oov_method=oov_method,
            **kwargs,
        )

    def _as_terms(self, x):
        array = np.asarray(x)
        if array.size and array.dtype.kind not in "fiub":
            raise ValueError(f"Layer '{self.name}' looks up integers. Received an array of dtype {array.dtype}")
        return array.astype("int64")

    def _hashed(self, term):
        if self.oov_method == "floormod":
            return term % self.num_oov_indices
        return bucket_of(str(term), self.num_oov_indices, self.salt)

    def get_config(self):
        own = {"salt": self.salt, "vocabulary_dtype": self.vocabulary_dtype}
        return {**super().get_config(), **own}
