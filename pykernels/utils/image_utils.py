"""Images as files, as Pillow images and as arrays, as `keras.utils` has them. Pillow is loaded when first needed."""

from __future__ import annotations

import io
import os

import numpy as np

from .. import config
from ..user_warning import warn
from .regular_files import read_regular

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_GRAY_MODES = ("L", "I;16", "I")  # grey as it is: 8, 16 and 32 bits
# With the format given, Pillow does not ask the plugins of all formats, one after the other.
_STARTS = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF"), (b"BM", "BMP"))
_PROGRAMS = ("EPS",)  # Ghostscript


def check_data_format(data_format: str | None) -> str:
    """`data_format` or, for None, the global setting. ValueError for anything but the two names."""
    if data_format is None:
        return config.image_data_format()
    name = str(data_format).lower()
    if name not in ("channels_first", "channels_last"):
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={data_format}"
        )
    return name


def check_color_mode(color_mode: str) -> int:
    """The number of channels. ValueError for an unknown name."""
    if color_mode not in _CHANNELS:
        raise ValueError(f'`color_mode` must be "grayscale", "rgb" or "rgba". Received: color_mode={color_mode!r}')
    return _CHANNELS[color_mode]


def check_interpolation(interpolation: str) -> str:
    """ValueError for a method that Pillow does not have."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(INTERPOLATIONS)}"
        )
    return interpolation


def check_size(size, name: str = "target_size") -> tuple[int, int]:
    """(height, width) as ints. ValueError for anything but two positive integers."""
    try:
        height, width = (int(n) for n in size)
        if min(height, width) >= 1 and (height, width) == tuple(size):
            return height, width
    except TypeError:
        pass
    except ValueError:
        pass
    raise ValueError(f"`{name}` must be two positive integers, (height, width). Received: {name}={size!r}")


def _read(path) -> bytes:
    if isinstance(path, (str, bytes, os.PathLike)):
        return read_regular(path)
    raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")


def _why(error: Exception, data: bytes | None) -> str:
    if data is not None and not data:
        return "the file is empty"
    if type(error).__name__ == "UnidentifiedImageError":
        start = "" if data is None else f"; it starts with {data[:8]!r}"
        return f"its content is of no image format that Pillow knows{start}"
    if isinstance(error, (OSError, SyntaxError)) and str(error):  # Pillow's own words
        return str(error)
    return "its content is damaged"


def _crop_box(size: tuple[int, int], target: tuple[int, int]) -> list[int]:
    """The largest centred box of `size` (width, height) with the aspect ratio of `target`."""
    width, height = size
    box_height = min(height, width * target[1] // target[0])
    box_width = min(width, height * target[0] // target[1])
    top, left = (height - box_height) // 2, (width - box_width) // 2
    return [left, top, left + box_width, top + box_height]


def _converted(image, color_mode: str):
    if color_mode == "grayscale":
        return image if image.mode in _GRAY_MODES else image.convert("L")
    mode = color_mode.upper()
    return image if image.mode == mode else image.convert(mode)


def _resized(image, target_size, interpolation: str, keep_aspect_ratio: bool):
    from PIL import Image

    size = (target_size[1], target_size[0])
    if image.size == size:
        return image
    method = getattr(Image.Resampling, check_interpolation(interpolation).upper())
    if keep_aspect_ratio:
        return image.resize(size, method, box=_crop_box(image.size, size))
    return image.resize(size, method)


def _formats(data: bytes | None) -> list[str]:
    """The formats that a file may have: the one that its first bytes say, else all but the page descriptions, for
    which Pillow runs another program."""
    from PIL import Image

    for start, name in _STARTS:
        if data is not None and data.startswith(start):
            return [name]
    Image.init()
    return [name for name in Image.ID if name not in _PROGRAMS]


def _check_pixels(image) -> None:
    """Raises OSError for more pixels than Pillow allows, before they are decoded."""
    from PIL import Image

    most, (width, height) = Image.MAX_IMAGE_PIXELS, image.size
    if most is not None and width * height > most:
        raise OSError(
            f"it has {width} x {height} pixels, more than PIL.Image.MAX_IMAGE_PIXELS = {most:,}, and would take much "
            "memory. If you trust it, set PIL.Image.MAX_IMAGE_PIXELS to a larger number or to None"
        )


def open_image(path, convert, draft=None):
    """`convert` of the wholly decoded image in a file or `io.BytesIO`.

    Args:
        draft: "L" lets the decoder of JPEG files give their luminance alone.

    Raises:
        OSError: as `load_img`.
    """
    from PIL import Image

    data = None if isinstance(path, io.BytesIO) else _read(path)
    try:
        image = Image.open(path if data is None else io.BytesIO(data), formats=_formats(data))
        _check_pixels(image)
        if draft is not None:
            image.draft(draft, None)
        image.load()
        return convert(image)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        name = getattr(path, "name", "the given stream") if data is None else os.fsdecode(path)
        kind = Image.UnidentifiedImageError if isinstance(error, Image.UnidentifiedImageError) else OSError
        raise kind(f"cannot read the image '{name}': {_why(error, data)}") from error


def load_img(
    path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False, grayscale=None
):
    """Reads an image. EXIF orientation is not applied; of an animation the first frame is taken.

    Args:
        path: file name, path object, or `io.BytesIO`.
        color_mode: "grayscale" (images of 16 and 32 bits keep their values), "rgb" or "rgba".
        target_size: None (the image's own size) or (height, width), of which a third number is left out.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos": Pillow's methods.
        keep_aspect_ratio: whether the largest centred part with the target's aspect ratio is resized instead of all.
        grayscale: True is `color_mode="grayscale"`, as Keras 1 and 2 called it (there it was the second argument; a
            bool in that place is taken for it).

    Returns:
        A `PIL.Image.Image`, wholly decoded.

    Raises:
        ValueError: an unknown color mode or interpolation. TypeError: something that is not a path.
        OSError: the file cannot be read (FileNotFoundError, ...), is empty, truncated, not an image
            (`PIL.UnidentifiedImageError`), no regular file (a pipe, a device), or has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`, which you may set; the message names the file.
    """
    if isinstance(color_mode, bool):
        color_mode, grayscale = "rgb", color_mode
    if grayscale:
        color_mode = "grayscale"
    check_color_mode(color_mode)
    if target_size is not None:
        # Keras reads the first two numbers only: scripts pass an image shape, (height, width, channels)
        target_size = check_size(target_size[:2] if isinstance(target_size, (tuple, list, np.ndarray)) else target_size)

    def made(image):
        if target_size is None:
            return _converted(image, color_mode)
        if interpolation == "nearest" or image.mode == "L":  # the same pixels, and no second image of full size
            return _converted(_resized(image, target_size, interpolation, keep_aspect_ratio), color_mode)
        return _resized(_converted(image, color_mode), target_size, interpolation, keep_aspect_ratio)

    check_interpolation(interpolation)
    return open_image(path, made)


def img_to_array(img, data_format=None, dtype=None) -> np.ndarray:
    """A Pillow image (or array) as an array with three axes.

    Args:
        img: image, or array of shape (H, W) or (H, W, C).
        data_format: "channels_last" (H, W, C) or "channels_first" (C, H, W); `image_data_format()` by default.
        dtype: `floatx()` by default.

    Raises:
        ValueError: neither two nor three axes, or an unknown data format.
    """
    data_format = check_data_format(data_format)
    x = np.asarray(img, dtype=dtype or config.floatx())
    if x.ndim == 3:
        return x.transpose(2, 0, 1) if data_format == "channels_first" else x
    if x.ndim == 2:
        return x[None] if data_format == "channels_first" else x[:, :, None]
    raise ValueError(f"Unsupported image shape: {x.shape}")


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array of one image as a Pillow image.

    Args:
        x: shape (H, W, C) or (C, H, W) by `data_format`; C is 1, 3 or 4.
        data_format: `image_data_format()` by default.
        scale: whether values are mapped to 0..255 from minimum to maximum; without it they are cut to integers.
        dtype: of the computation, `floatx()` by default.

    Returns:
        A `PIL.Image.Image` of mode "L" ("I" for grey values above 255), "RGB" or "RGBA".

    Raises:
        ValueError: another number of axes or channels.
    """
    from PIL import Image

    data_format = check_data_format(data_format)
    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {x.shape[2]}")
    if scale:
        x = x - np.min(x)
        largest = np.max(x)
        if largest != 0:
            x /= largest
        x *= 255
    if x.shape[2] > 1:
        return Image.fromarray(np.ascontiguousarray(x.astype("uint8")))
    deep = np.max(x) > 255
    return Image.fromarray(np.ascontiguousarray(x[:, :, 0].astype("int32" if deep else "uint8")))


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs) -> None:
    """Writes an array of one image to a file.

    Args:
        path: file name, path object, or a file object (then give `file_format`).
        x: shape (H, W, C) or (C, H, W); C is 1, 3 or 4.
        data_format: `image_data_format()` by default.
        file_format: "png", "jpeg", ...; by default the file name's extension.
        scale: whether values are mapped to 0..255 from minimum to maximum.
        **kwargs: for `PIL.Image.Image.save`.
    """
    img = array_to_img(x, data_format=check_data_format(data_format), scale=scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    if img.mode == "RGBA" and file_format == "jpeg":
        warn("The JPEG format does not support RGBA images, converting to RGB.")
        img = img.convert("RGB")
    img.save(path, format=file_format or None, **kwargs)
