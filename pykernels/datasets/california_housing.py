"""California housing: 20,640 districts of the census of 1990 (Pace and Barry, 1997)."""

from __future__ import annotations

from . import housing

_NAME = "california_housing.npz"
_SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_SMALL = 600


def load_data(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """Features of shape (16512, 8) and (4128, 8), and median house prices in dollars.

    The features are median income, house age, rooms and bedrooms per household, population, household size, latitude
    and longitude. The file is looked for as by `boston_housing.load_data`, under its name.

    Args:
        version: "large", or "small" for the first 600 districts.
        path: name within the cache folder, or path of an `.npz` file with `x` and `y`.
        test_split: fraction that is the test part. Default 0.2.
        seed: of the order. Default 113.

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        ValueError: another `version`; a `test_split` outside of [0, 1); a damaged file.
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    rows = _SMALL if version == "small" else None
    return housing.load(path, _NAME, _SHA256, (20640, 8), test_split, seed, rows)
