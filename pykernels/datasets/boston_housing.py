"""Boston housing: 506 house prices of the 1970s (Harrison and Rubinfeld, 1978).

One of its features supposes that where people of one skin colour live bears on prices: use it to speak about that, and
`california_housing` for regression.
"""

from __future__ import annotations

from . import housing

_NAME = "boston_housing.npz"
_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """Features of shape (404, 13) and (102, 13), float64, and prices in thousands of dollars.

    `path` itself, if it is a file; `boston_housing.npz` in Keras's cache (`~/.keras/datasets`, or
    `$KERAS_HOME/datasets`), checked by its sha256 (without a network a file with another one is used with a warning, if
    its arrays have the right shapes); a download into the cache.

    Args:
        path: name within the cache folder, or path of an `.npz` file with `x` and `y`.
        test_split: fraction that is the test part. Default 0.2.
        seed: of the order. Default 113.

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        ValueError: a `test_split` outside of [0, 1); a damaged file.
    """
    return housing.load(path, _NAME, _SHA256, (506, 13), test_split, seed)
