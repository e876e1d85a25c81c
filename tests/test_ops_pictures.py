"""The functions of keras.ops.image beside Keras (JAX)."""

from __future__ import annotations

import numpy as np
import pytest
from op_oracle import RNG, Case, check, normal, table

from pykernels import ops

IMAGES = RNG.uniform(0.05, 1, (2, 5, 6, 3)).astype("float32")
PLANES = IMAGES.transpose(0, 3, 1, 2).copy()
PLACES = RNG.uniform(-3, 8, (2, 4, 5)).astype("float32")
CORNERS = np.float32([[[0, 0], [0, 4], [5, 0], [5, 4]]] * 2)
MOVED = np.float32([[[0.5, 0.3], [0.2, 3.7], [4.6, 0.4], [4.8, 4.4]]] * 2)
FIELD = normal(5, 6)

CASES = (
    Case("rgb_to_grayscale", lambda o, x: o.image.rgb_to_grayscale(x), IMAGES, batch=True),
    Case("rgb_to_grayscale first", lambda o, x: o.image.rgb_to_grayscale(x, "channels_first"), PLANES[0]),
    Case("rgb_to_hsv", lambda o, x: o.image.rgb_to_hsv(x), IMAGES),
    Case("rgb_to_hsv first", lambda o, x: o.image.rgb_to_hsv(x, "channels_first"), PLANES),
    Case("hsv_to_rgb", lambda o, x: o.image.hsv_to_rgb(x), IMAGES),
    Case("crop_images", lambda o, x: o.image.crop_images(x, 1, 2, 2, None, None, 3), IMAGES, batch=True),
    Case(
        "crop_images first",
        lambda o, x: o.image.crop_images(x, 1, 2, 2, 1, data_format="channels_first"),
        PLANES,
    ),
    Case("pad_images", lambda o, x: o.image.pad_images(x, 1, 2, None, 1, 9), IMAGES[0]),
    Case("extract_patches", lambda o, x: o.image.extract_patches(x, 2), IMAGES, batch=True),
    Case("extract_patches all", lambda o, x: o.image.extract_patches(x, (2, 3), 1, padding="same"), IMAGES[0]),
    Case("gaussian_blur", lambda o, x: o.image.gaussian_blur(x, (3, 5), (1.0, 2.0), "channels_last"), IMAGES),
    Case("gaussian_blur first", lambda o, x: o.image.gaussian_blur(x, data_format="channels_first"), PLANES),
    *(
        Case(
            f"perspective_transform {how}",
            lambda o, x, how=how: o.image.perspective_transform(x, CORNERS, MOVED, how, 0.5),
            IMAGES,
            grad=False,
        )
        for how in ("bilinear", "nearest")
    ),
    Case("sobel_edges", lambda o, x: o.image.sobel_edges(x), IMAGES),
    Case("sobel_edges first", lambda o, x: o.image.sobel_edges(x, "channels_first"), PLANES),
    *(
        Case(
            f"map_coordinates {mode} {order}",
            lambda o, x, c, mode=mode, order=order: o.image.map_coordinates(x, c, order, mode, 0.5),
            *(FIELD, PLACES),
        )
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
        for order in (0, 1)
    ),
)


@table(*CASES)
def test_as_keras(case):
    check(case)


def test_wrong_arguments_are_named():
    for words, call in (
        ("rank", lambda: ops.image.rgb_to_hsv(FIELD)),
        ("float dtype", lambda: ops.image.hsv_to_rgb(np.zeros((2, 2, 3), "uint8"))),
        ("exactly two", lambda: ops.image.crop_images(IMAGES, 1, 1)),
        (">= 0", lambda: ops.image.pad_images(IMAGES, 1, 1, 1, None, None, 3)),
        ("order", lambda: ops.image.map_coordinates(FIELD, PLACES, 2)),
        ("fill_mode", lambda: ops.image.map_coordinates(FIELD, PLACES, 1, "edge")),
        ("First dim", lambda: ops.image.map_coordinates(FIELD, PLACES[:1], 1)),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(TypeError, match="size"):
        ops.image.extract_patches(IMAGES, (1, 2, 3))
