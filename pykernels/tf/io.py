"""`tf.io` and `tf.io.gfile`: files, and images within them."""

from __future__ import annotations

import builtins
import glob as _glob
import io
import os
import shutil

import numpy as np

from .. import ops
from ..graph import eager
from ..ops.types import standardize_dtype
from .dtypes import supported

__all__ = [
    *("decode_and_crop_jpeg", "decode_bmp", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "decode_raw"),
    *("encode_jpeg", "encode_png", "is_jpeg", "read_file", "write_file", "matching_files"),
]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def as_text(value) -> str:
    """A path or text that is a str, bytes, or an array or tensor of one of them."""
    if isinstance(value, np.ndarray):
        value = value.item()
    value = os.fspath(value) if hasattr(value, "__fspath__") else value
    return value.decode() if isinstance(value, bytes) else str(value)


def as_bytes(value) -> bytes:
    """The bytes of a file's contents."""
    if isinstance(value, np.ndarray):
        value = value.item()
    return value if isinstance(value, bytes) else bytes(value)


class Contents(bytes):
    """The contents of a file, as `numpy()` gives them too."""

    __slots__ = ()

    def numpy(self) -> bytes:
        return bytes(self)


def read_file(filename, name=None):
    """The contents of a file, as bytes."""
    with builtins.open(as_text(filename), "rb") as file:
        return Contents(file.read())


def write_file(filename, contents, name=None) -> None:
    """Writes a file, and the folders to it."""
    path = as_text(filename)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with builtins.open(path, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else as_bytes(contents))


def matching_files(pattern, name=None):
    """The paths that match a pattern with * and ?, in order."""
    return np.asarray(sorted(_glob.glob(as_text(pattern))), dtype=object)


def _decoded(contents, channels, kinds):
    from PIL import Image

    if channels not in (0, *_MODES):
        raise ValueError(f"channels must be 0, 1, 3 or 4, got {channels}")
    with Image.open(io.BytesIO(as_bytes(contents))) as picture:
        if kinds is not None and picture.format not in kinds:
            raise ValueError(f"the contents are a picture of format {picture.format}, expected {' or '.join(kinds)}")
        if picture.mode in ("P", "CMYK", "1", "LA") and not channels:
            picture = picture.convert("RGB" if picture.mode in ("P", "CMYK") else "L")
        picture = picture.convert(_MODES[channels]) if channels else picture
        pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def decode_image(contents, channels=None, dtype="uint8", name=None, expand_animations=True):
    """The picture in the bytes of a file: (height, width, channels), uint8.

    Args:
        contents: bytes of a JPEG, PNG, BMP or GIF file.
        channels: 0 (as in the file), 1, 3 or 4.
        dtype: "uint8", or a float type: then values are in [0, 1].
        name: accepted as in TensorFlow. It has no effect.
        expand_animations: whether a GIF gives (frames, height, width, 3); else its first frame.
    """
    if as_bytes(contents)[:3] == b"GIF" and expand_animations:
        pixels = decode_gif(contents)
    else:
        pixels = eager(np.array(_decoded(contents, channels or 0, None)))
    kind = supported(dtype)
    return pixels if kind == "uint8" else ops.cast(pixels, kind) / 255.0


def decode_jpeg(
    contents,
    channels=0,
    ratio=1,
    fancy_upscaling=True,
    try_recover_truncated=False,
    acceptable_fraction=1,
    dct_method="",
    name=None,
):
    """The picture in a JPEG file's bytes (PNG and others are read too, as TensorFlow does): (height, width, channels).

    Args:
        contents: bytes.
        channels: 0 (as in the file), 1, 3 or 4.
        ratio: must be 1: the picture is not made smaller.
        fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method, name: accepted as in TensorFlow. They
            have no effect: Pillow decodes.
    """
    if ratio != 1:
        raise ValueError("tf.io.decode_jpeg of pykernels takes ratio=1; resize the picture with tf.image.resize")
    return eager(np.array(_decoded(contents, channels, None)))


def decode_png(contents, channels=0, dtype="uint8", name=None):
    """The picture in a PNG file's bytes: (height, width, channels), uint8."""
    if standardize_dtype(str(dtype)) != "uint8":
        raise ValueError(f"tf.io.decode_png of pykernels gives uint8, not {dtype}")
    return eager(np.array(_decoded(contents, channels, None)))


def decode_bmp(contents, channels=0, name=None):
    """The picture in a BMP file's bytes."""
    return eager(np.array(_decoded(contents, channels, ("BMP",))))


def decode_gif(contents, name=None):
    """The frames of a GIF file's bytes: (frames, height, width, 3)."""
    from PIL import Image, ImageSequence

    with Image.open(io.BytesIO(as_bytes(contents))) as picture:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)]
    return eager(np.stack(frames))


def decode_and_crop_jpeg(contents, crop_window, channels=0, name=None):
    """The part (y, x, height, width) of the picture in a JPEG file's bytes."""
    y, x, height, width = (int(v) for v in crop_window)
    return decode_jpeg(contents, channels)[y : y + height, x : x + width]


def decode_raw(input_bytes, out_type, little_endian=True, fixed_length=None, name=None):
    """The numbers in bytes."""
    kind = np.dtype(supported(out_type)).newbyteorder("<" if little_endian else ">")
    values = np.frombuffer(as_bytes(input_bytes), kind)
    return eager(values.astype(kind.newbyteorder("=")))


def is_jpeg(contents, name=None):
    """Whether the bytes are a JPEG file's."""
    return as_bytes(contents)[:3] == b"\xff\xd8\xff"


def _encoded(image, kind, **options):
    from PIL import Image

    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise ValueError(f"a picture must be uint8 (height, width, channels), got {pixels.dtype} {pixels.shape}")
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, kind, **options)
    return Contents(buffer.getvalue())


def encode_jpeg(image, format="", quality=95, name=None):  # noqa: A002 - TensorFlow's name
    """A picture (height, width, 1 or 3) as a JPEG file's bytes; `format` follows from the channels."""
    return _encoded(image, "JPEG", quality=int(quality))


def encode_png(image, compression=-1, name=None):
    """A picture (height, width, channels) as a PNG file's bytes."""
    return _encoded(image, "PNG", **({} if compression < 0 else {"compress_level": int(compression)}))


class gfile:  # noqa: N801 - a module of TensorFlow
    """`tf.io.gfile`: the file system."""

    GFile = staticmethod(lambda name, mode="r": builtins.open(as_text(name), mode))  # noqa: SIM115 - the caller closes it
    Open = GFile
    exists = staticmethod(lambda path: os.path.exists(as_text(path)))
    isdir = staticmethod(lambda path: os.path.isdir(as_text(path)))
    listdir = staticmethod(lambda path: os.listdir(as_text(path)))
    glob = staticmethod(lambda pattern: sorted(_glob.glob(as_text(pattern))))
    mkdir = staticmethod(lambda path: os.mkdir(as_text(path)))
    makedirs = staticmethod(lambda path: os.makedirs(as_text(path), exist_ok=True))
    remove = staticmethod(lambda path: os.remove(as_text(path)))
    rmtree = staticmethod(lambda path: shutil.rmtree(as_text(path)))
    walk = staticmethod(lambda top, topdown=True: os.walk(as_text(top), topdown))
    join = staticmethod(os.path.join)

    @staticmethod
    def copy(src, dst, overwrite=False):
        """Copies a file. Raises FileExistsError where `dst` is there, unless `overwrite`."""
        if os.path.exists(as_text(dst)) and not overwrite:
            raise FileExistsError(f"file already exists: {as_text(dst)}; pass overwrite=True")
        shutil.copyfile(as_text(src), as_text(dst))

    @staticmethod
    def rename(src, dst, overwrite=False):
        """Renames a file. Raises FileExistsError where `dst` is there, unless `overwrite`."""
        if os.path.exists(as_text(dst)) and not overwrite:
            raise FileExistsError(f"file already exists: {as_text(dst)}; pass overwrite=True")
        os.replace(as_text(src), as_text(dst))


__all__ += ["gfile"]
