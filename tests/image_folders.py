"""Folders of small pictures for the tests of loading."""

from __future__ import annotations

import numpy as np
from PIL import Image

#: Formats and modes that photographs come in, by file name.
AWKWARD = (
    "gray.png",
    "gray16.png",
    "gray32.tif",
    "palette.png",
    "palette_clear.png",
    "rgba.png",
    "graya.png",
    "bits.png",
    "cmyk.jpg",
    "exif.jpg",
    "progressive.jpg",
    "gray.jpg",
    "lossy.webp",
    "animated.gif",
    "plain.bmp",
    "plain.ppm",
)


def picture(height, width, seed=0, channels=3) -> np.ndarray:
    """Smooth colours with some noise, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / (3 + k) + seed) * np.cos(y / (4 + k)) for k in range(channels)]
    noisy = np.stack(waves, -1) + rng.normal(0, 8, (height, width, channels))
    return np.clip(noisy, 0, 255).astype("uint8")


def write_awkward(folder) -> None:
    """Writes one file for each name of AWKWARD."""
    rgb = Image.fromarray(picture(37, 53))
    deep = (np.arange(37 * 53).reshape(37, 53) * 33 % 65536).astype("uint16")
    rgba = Image.fromarray(picture(37, 53, 1, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    clear = rgb.convert("P", palette=Image.Palette.ADAPTIVE)
    made = {
        "gray.png": (rgb.convert("L"), {}),
        "gray16.png": (Image.fromarray(deep), {}),
        "gray32.tif": (Image.fromarray(deep.astype("int32")), {}),
        "palette.png": (rgb.convert("P"), {}),
        "palette_clear.png": (clear, {"transparency": 3}),
        "rgba.png": (rgba, {}),
        "graya.png": (rgba.convert("LA"), {}),
        "bits.png": (rgb.convert("1"), {}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}),
        "exif.jpg": (rgb, {"exif": exif}),
        "progressive.jpg": (rgb, {"progressive": True}),
        "gray.jpg": (rgb.convert("L"), {}),
        "lossy.webp": (rgb, {"quality": 70}),
        "animated.gif": (rgb, {"save_all": True, "append_images": [Image.fromarray(picture(37, 53, 5))]}),
        "plain.bmp": (rgb, {}),
        "plain.ppm": (rgb, {}),
    }
    for name, (image, options) in made.items():
        image.save(folder / name, **options)


def write_classes(folder, counts: dict, size=(20, 24)) -> None:
    """Writes `counts[name]` pictures of different sizes into each folder `name`."""
    for k, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            image = Image.fromarray(picture(size[0] + i % 3, size[1] + i % 2, 100 * k + i))
            image.save(folder / name / f"{i:03d}.{('png', 'jpg')[i % 2]}")
