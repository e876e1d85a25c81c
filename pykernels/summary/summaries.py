"""What can be summarized: numbers, distributions, images, texts."""

from __future__ import annotations

import io

import numpy as np

from ..graph import Tensor
from .events import histogram_rows, tensor_value
from .writer import current, should_record_summaries

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_SCALAR, _TENSOR, _FILES = 1, 2, 3  # classes of data, for TensorBoard


def write(tag: str, value, plugin: str, step, data_class: int, description=None, content: bytes = b"") -> bool:
    """Writes a value for a plugin of TensorBoard to the default writer.

    Args:
        value: what `events.tensor` takes, or a callable that gives it, which is called only if something is written.

    Returns:
        Whether it was written.

    Raises:
        ValueError: no step.
    """
    if not should_record_summaries():
        return False
    state = current()
    step = state.step if step is None else step
    if step is None:
        raise ValueError(
            "No step set. Please specify one either through the `step` argument or through "
            "tf.summary.experimental.set_step()"
        )
    if state.writer.file is None:
        return False
    value = value() if callable(value) else value
    state.writer.file.add(
        int(np.asarray(step)), tensor_value(tag, value, plugin, data_class, content, description or "")
    )
    return True


def _known(kind: str, name: str, data) -> np.ndarray:
    """The values of `data`.

    Raises:
        NotImplementedError: a value that a recorded step computes, and that nobody knows when the step is recorded.
    """
    if isinstance(data, Tensor):
        raise NotImplementedError(
            f"tf.summary.{kind}('{name}') got a tensor that a recorded step computes: pykernels records a step once "
            "and runs it without Python. Return the value as a metric, or write the summary in a callback."
        )
    return np.asarray(data)


def scalar(name, data, step=None, description=None) -> bool:
    """Writes a number.

    Args:
        name: str, what TensorBoard calls it.
        data: a number, or an array of one.
        step: int. Default None: that of `experimental.set_step`.
        description: str, Markdown that TensorBoard shows. Default None.

    Returns:
        Whether it was written: there is a default writer, and `record_if` says so.

    Raises:
        ValueError: no step, or more than one number.
        NotImplementedError: a tensor of a step that is being recorded.
    """

    def value():
        array = _known("scalar", name, data)
        if array.size != 1:
            raise ValueError(f"tf.summary.scalar('{name}') takes one number. Received: an array of shape {array.shape}")
        return np.float32(array.reshape(()))

    return write(name, value, "scalars", step, _SCALAR, description)


def histogram(name, data, step=None, buckets=None, description=None) -> bool:
    """Writes how values are distributed.

    Args:
        name: str, what TensorBoard calls it.
        data: array of any shape. What is not finite is left out.
        step: int. Default None: that of `experimental.set_step`.
        buckets: int, their number. Default None: 30.
        description: str, Markdown that TensorBoard shows. Default None.

    Returns:
        Whether it was written: there is a default writer, and `record_if` says so.

    Raises:
        ValueError: no step.
        NotImplementedError: a tensor of a step that is being recorded.
    """

    def value():
        return histogram_rows(_known("histogram", name, data), 30 if buckets is None else buckets)

    return write(name, value, "histograms", step, _TENSOR, description)


def image(name, data, step=None, max_outputs=3, description=None) -> bool:
    """Writes images.

    Args:
        name: str, what TensorBoard calls them.
        data: array (K, H, W, C) with 1 to 4 channels, uint8, or floats from 0 to 1.
        step: int. Default None: that of `experimental.set_step`.
        max_outputs: int, the number of images that are written at most. Default 3.
        description: str, Markdown that TensorBoard shows. Default None.

    Returns:
        Whether it was written: there is a default writer, and `record_if` says so.

    Raises:
        ValueError: no step, or an array of another shape.
        NotImplementedError: a tensor of a step that is being recorded.
    """

    def value():
        images = _known("image", name, data)
        if images.ndim != 4 or images.shape[-1] not in _MODES:
            raise ValueError(
                f"tf.summary.image('{name}') takes images of shape (k, height, width, channels) with 1 to 4 channels. "
                f"Received: an array of shape {images.shape}"
            )
        files = [encoded_png(one) for one in images[:max_outputs]]
        return [str(images.shape[2]).encode(), str(images.shape[1]).encode(), *files]

    return write(name, value, "images", step, _FILES, description)


def encoded_png(image: np.ndarray) -> bytes:
    """A PNG file of an image (H, W, C) of 1 to 4 channels, uint8 or floats from 0 to 1."""
    from PIL import Image

    if image.dtype != np.uint8:
        image = np.clip(np.nan_to_num(image) * 255.5, 0, 255).astype(np.uint8)
    mode = _MODES[image.shape[-1]]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., 0] if mode == "L" else image), mode).save(file, "png")
    return file.getvalue()


def text(name, data, step=None, description=None) -> bool:
    """Writes a text.

    Args:
        name: str, what TensorBoard calls it.
        data: str, Markdown, or a list of them.
        step: int. Default None: that of `experimental.set_step`.
        description: str, Markdown that TensorBoard shows. Default None.

    Returns:
        Whether it was written: there is a default writer, and `record_if` says so.

    Raises:
        ValueError: no step.
    """
    value = data if isinstance(data, (str, bytes)) else np.asarray(data).ravel().tolist()
    return write(name, value, "text", step, _TENSOR, description)
