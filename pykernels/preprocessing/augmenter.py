"""Random changes and normalization of images: the arithmetic of `ImageDataGenerator`."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from .. import _core, config
from ..compat.arguments import accepts_old_names
from ..user_warning import warn
from ..utils.image_utils import check_data_format
from .affine import IDENTITY, matrix_of, transform_images
from .transforms import apply_affine_transform, apply_brightness_shift, apply_channel_shift, flip_axis

_FILL_MODES = ("constant", "nearest", "reflect", "wrap", "mirror", "grid-wrap", "grid-mirror")
_OVERRIDES = "This ImageDataGenerator specifies `{}`, which overrides setting of `{}`."
_UNFITTED = (
    "This ImageDataGenerator specifies `{}`, but it hasn't been fit on any training data. Fit it first by calling "
    "`.fit(numpy_data)`."
)


# The options from which `_draw` takes random numbers, with the values for which nothing changes.
_NEUTRAL = {
    "rotation_range": 0,
    "width_shift_range": 0,
    "height_shift_range": 0,
    "shear_range": 0,
    "zoom_range": [1, 1],
    "channel_shift_range": 0,
    "horizontal_flip": False,
    "vertical_flip": False,
    "brightness_range": None,
}


class Augmenter:
    """The options of `ImageDataGenerator` (which documents them) and what they do to images.

    Package interface: `_validation_split`, which is public in Keras too.
    """

    @accepts_old_names("ImageDataGenerator")
    def __init__(
        self,
        featurewise_center=False,
        samplewise_center=False,
        featurewise_std_normalization=False,
        samplewise_std_normalization=False,
        zca_whitening=False,
        zca_epsilon=1e-6,
        rotation_range=0,
        width_shift_range=0.0,
        height_shift_range=0.0,
        brightness_range=None,
        shear_range=0.0,
        zoom_range=0.0,
        channel_shift_range=0.0,
        fill_mode="nearest",
        cval=0.0,
        horizontal_flip=False,
        vertical_flip=False,
        rescale=None,
        preprocessing_function=None,
        data_format=None,
        validation_split=0.0,
        interpolation_order=1,
        dtype=None,
    ):
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = dtype or config.floatx()
        self.data_format = check_data_format(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.mean = None
        self.std = None
        self.zca_whitening_matrix = None
        self._set_ranges(zoom_range, brightness_range, fill_mode, validation_split, interpolation_order)
        self._set_implied()

    # Python's errors about arguments name what the user has called.
    __init__.__wrapped__.__qualname__ = "ImageDataGenerator.__init__"  # type: ignore[attr-defined]

    def _set_ranges(self, zoom_range, brightness_range, fill_mode, validation_split, interpolation_order) -> None:
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"`validation_split` must be strictly between 0 and 1. Received: {validation_split}")
        self._validation_split = validation_split
        if isinstance(zoom_range, (float, int)):
            self.zoom_range = [1 - zoom_range, 1 + zoom_range]
        elif len(zoom_range) == 2 and all(isinstance(z, (float, int)) for z in zoom_range):
            self.zoom_range = [*zoom_range]
        else:
            raise ValueError(f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}")
        if brightness_range is not None and not (
            isinstance(brightness_range, (tuple, list)) and len(brightness_range) == 2
        ):
            raise ValueError(f"`brightness_range` should be tuple or list of two floats. Received: {brightness_range}")
        self.brightness_range = brightness_range
        if fill_mode not in _FILL_MODES:
            raise ValueError(f"`fill_mode` must be one of {_FILL_MODES}. Received: fill_mode={fill_mode!r}")
        self.fill_mode = fill_mode
        if interpolation_order not in range(6):
            raise ValueError(
                f"`interpolation_order` must be 0 to 5. Received: interpolation_order={interpolation_order!r}"
            )
        self.interpolation_order = int(interpolation_order)

    def _set_implied(self) -> None:
        """Sets the options that other options imply, with the warnings of Keras."""
        if self.zca_whitening:
            if not self.featurewise_center:
                self.featurewise_center = True
                warn(_OVERRIDES.format("zca_whitening", "featurewise_center"))
            if self.featurewise_std_normalization:
                self.featurewise_std_normalization = False
                warn(_OVERRIDES.format("zca_whitening", "featurewise_std_normalization"))
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization") and not getattr(self, f"{kind}_center"):
                setattr(self, f"{kind}_center", True)
                warn(_OVERRIDES.format(f"{kind}_std_normalization", f"{kind}_center"))

    # --- random transformation ----------------------------------------------------------------------------
    def get_random_transform(self, img_shape, seed=None) -> dict:
        """Parameters for `apply_transform`, drawn from NumPy's global generator as Keras draws them.

        Args:
            img_shape: tuple, the shape of one image.
            seed: int for `np.random.seed`. Default None: the generator is not seeded.

        Returns:
            A dict with theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical, channel_shift_intensity,
            brightness.
        """
        if seed is not None:
            np.random.seed(seed)
        return self._draw(img_shape, np.random)

    def why_images_vary(self) -> str | None:
        """Why an image may look different in each pass, for a message; None when it is always the same."""
        if self._is_customized():
            return f"{type(self).__name__} changes images with methods of its own"
        drawing = {
            name: value
            for name, neutral in _NEUTRAL.items()
            if not np.array_equal(value := getattr(self, name), neutral)
        }
        if drawing:
            found = ", ".join(f"{name}={value!r}" for name, value in drawing.items())
            return f"the images are changed at random ({found})"
        return None

    def _draw(self, img_shape, rng) -> dict:
        theta = rng.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        tx = _draw_shift(rng, self.height_shift_range, img_shape[self.row_axis - 1])
        ty = _draw_shift(rng, self.width_shift_range, img_shape[self.col_axis - 1])
        shear = rng.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        low, high = self.zoom_range
        zx, zy = (1, 1) if low == 1 and high == 1 else rng.uniform(low, high, 2)
        flip_horizontal = (rng.random() < 0.5) * self.horizontal_flip
        flip_vertical = (rng.random() < 0.5) * self.vertical_flip
        shift = self.channel_shift_range
        intensity = rng.uniform(-shift, shift) if shift != 0 else None
        brightness = rng.uniform(*self.brightness_range) if self.brightness_range is not None else None
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical,
            "channel_shift_intensity": intensity,
            "brightness": brightness,
        }

    def apply_transform(self, x, transform_parameters) -> np.ndarray:
        """Applies a transformation to one image.

        Args:
            x: array, an image with three axes.
            transform_parameters: dict as returned by `get_random_transform`. Keys that are missing change nothing.

        Returns:
            The transformed image, of the shape of `x`.
        """
        p = transform_parameters
        row, col, channel = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        x = apply_affine_transform(
            x,
            **_affine_parameters(p),
            row_axis=row,
            col_axis=col,
            channel_axis=channel,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.interpolation_order,
        )
        if p.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, p["channel_shift_intensity"], channel)
        if p.get("flip_horizontal", False):
            x = flip_axis(x, col)
        if p.get("flip_vertical", False):
            x = flip_axis(x, row)
        if p.get("brightness") is not None:
            x = self._brightened(x, p["brightness"])
        return x

    def _brightened(self, x, factor) -> np.ndarray:
        """`apply_brightness_shift`, which takes images in the global data format, for those of this generator."""
        axis = 0 if config.image_data_format() == "channels_first" else 2
        y = apply_brightness_shift(np.moveaxis(x, self.channel_axis - 1, axis), factor, False)
        return np.moveaxis(y, axis, self.channel_axis - 1)

    def random_transform(self, x, seed=None) -> np.ndarray:
        """Applies a random transformation to one image.

        Args:
            x: array, an image with three axes.
            seed: int for `np.random.seed`. Default None.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    # --- normalization ------------------------------------------------------------------------------------
    def standardize(self, x) -> np.ndarray:
        """Applies `preprocessing_function`, `rescale` and normalization to an image or a batch of floats, in place."""
        if self.preprocessing_function:
            x = self._preprocessed(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        return self._standardize_by_data(x)

    def _preprocessed(self, image):
        done = self.preprocessing_function(image)
        if done is None:
            raise ValueError(
                "`preprocessing_function` returned None; it must return the image, changed in place or not."
            )
        return done

    def _standardize_by_data(self, x) -> np.ndarray:
        if self.featurewise_center and self._is_fitted("mean", "featurewise_center"):
            x -= self.mean
        if self.featurewise_std_normalization and self._is_fitted("std", "featurewise_std_normalization"):
            x /= self.std + 1e-6
        return self._whiten(x)

    def _whiten(self, x) -> np.ndarray:
        if self.zca_whitening and self._is_fitted("zca_whitening_matrix", "zca_whitening"):
            flat = x.reshape(-1, math.prod(x.shape[-3:])) @ self.zca_whitening_matrix
            return flat.reshape(x.shape).astype(x.dtype, copy=False)
        return x

    def _is_fitted(self, attribute: str, option: str) -> bool:
        if getattr(self, attribute) is None:
            warn(_UNFITTED.format(option))
            return False
        return True

    def fit(self, x, augment=False, rounds=1, seed=None) -> None:
        """Computes mean, standard deviation and whitening matrix from sample data, after `rescale`.

        Args:
            x: array of images with four axes.
            augment: whether the images are randomly transformed, `rounds` times all of them. Default False.
            rounds: int. Default 1.
            seed: int for `np.random.seed`. Default None.

        Raises:
            ValueError: `x` does not have four axes.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}")
        if x.shape[self.channel_axis] not in {1, 3, 4}:
            warn(
                f'Expected input to be images (as Numpy array) following the data format convention "'
                f'{self.data_format}" (channels on axis {self.channel_axis}), i.e. expected either 1, 3 or 4 channels '
                f"on axis {self.channel_axis}. However, it was passed an array with shape {x.shape} "
                f"({x.shape[self.channel_axis]} channels)."
            )
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x]).astype(self.dtype)
        shape = [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = np.mean(x, axis=(0, self.row_axis, self.col_axis)).reshape(shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=(0, self.row_axis, self.col_axis)).reshape(shape)
            x /= self.std + 1e-6
        if self.zca_whitening:
            self.zca_whitening_matrix = _whitening_matrix(x.reshape(len(x), -1), self.zca_epsilon)

    # --- batches ------------------------------------------------------------------------------------------
    def process(self, images, index=None, rng=np.random, threaded=True, turn=None) -> np.ndarray:
        """Randomly transformed and standardized images of a batch.

        Args:
            images: (N, H, W, C) or (N, C, H, W) of numbers; uint8 and float32 cost least.
            index: the rows of `images` to take, in this order; all by default.
            rng: `np.random`, or a `RandomState`.
            threaded: whether the kernels may use all threads.
            turn: entered before the user's own functions are called.

        Returns:
            Array of `dtype`.
        """
        turn = turn or contextlib.nullcontext()
        images = np.ascontiguousarray(images)
        shape = images.shape[1:]
        rows = np.arange(len(images)) if index is None else np.asarray(index, "int64")
        if self._is_customized() or self.dtype != "float32" or images.dtype not in ("uint8", "float32"):
            with turn:
                return self._process_one_by_one(images[rows].astype(self.dtype), rng)
        if self.preprocessing_function is None:
            drawn = [self._draw(shape, rng) for _ in rows]
            x, rows = self._transformed(images, rows, drawn, threaded)
            return self._standardized(x, rows, threaded)
        x = np.empty((len(rows), *shape), "float32")
        with turn:
            for i, row in enumerate(rows):
                image, taken = self._transformed(images, [row], [self._draw(shape, rng)], threaded)
                if taken is not None:
                    image = _core.standardize_images(image, taken, False, 1.0, False, False, None, None, threaded)
                done = self._preprocessed(image[0])
                try:
                    x[i] = done
                except ValueError as error:
                    raise ValueError(
                        f"`preprocessing_function` must return an image of shape {shape}, that of its argument. It "
                        f"returned {type(done).__name__} of shape {np.shape(done)}."
                    ) from error
        return self._standardized(x, None, threaded)

    def _is_customized(self) -> bool:
        mine = ("get_random_transform", "apply_transform", "random_transform", "standardize")
        return any(getattr(type(self), name) is not getattr(Augmenter, name) for name in mine)

    def _process_one_by_one(self, images, rng) -> np.ndarray:
        """For subclasses with methods of their own, and other dtypes."""
        own_draw = type(self).get_random_transform is not Augmenter.get_random_transform
        for i, x in enumerate(images):
            drawn = self.get_random_transform(x.shape) if own_draw else self._draw(x.shape, rng)
            images[i] = self.standardize(self.apply_transform(x, drawn))
        return images

    def _transformed(self, images, rows, drawn: list[dict], threaded: bool) -> tuple:
        """(images, rows), or (new images, None) where there was something to change."""
        first = self.data_format == "channels_first"
        height, width = images.shape[self.row_axis], images.shape[self.col_axis]
        maps = [matrix_of(height, width, **_affine_parameters(p)) for p in drawn]
        flips = [(bool(p["flip_horizontal"]), bool(p["flip_vertical"])) for p in drawn]
        coloured = self.channel_shift_range != 0 or self.brightness_range is not None
        if not coloured and not any(m is not None for m in maps) and not np.any(flips):
            return images, rows
        order = self.interpolation_order if any(m is not None for m in maps) else 1
        x = transform_images(
            images,
            [m or IDENTITY for m in maps],
            flips,
            rows,
            first,
            order,
            self.fill_mode,
            self.cval,
            threaded,
        )
        for i, p in enumerate(drawn) if coloured else ():
            if p["channel_shift_intensity"] is not None:
                x[i] = apply_channel_shift(x[i], p["channel_shift_intensity"])
            if p["brightness"] is not None:
                x[i] = self._brightened(x[i], p["brightness"])
        return x, None

    def _standardized(self, images, rows, threaded: bool) -> np.ndarray:
        channels = images.shape[self.channel_axis]
        mean = std = None
        if self.featurewise_center and self._is_fitted("mean", "featurewise_center"):
            mean = self._per_channel(self.mean, channels)
        if self.featurewise_std_normalization and self._is_fitted("std", "featurewise_std_normalization"):
            std = self._per_channel(self.std, channels)
        simple = mean is not False and std is not False
        x = _core.standardize_images(
            images,
            rows,
            self.data_format == "channels_first",
            float(self.rescale or 1.0),
            bool(self.samplewise_center),
            bool(self.samplewise_std_normalization),
            mean if simple else None,
            std if simple else None,
            threaded,
        )
        return self._whiten(x) if simple else self._standardize_by_data(x)

    def _per_channel(self, values, channels: int):
        """`values` as one float per channel; False where they are of another shape (set by the user)."""
        values = np.asarray(values, "float32")
        wanted = (channels, 1, 1) if self.data_format == "channels_first" else (1, 1, channels)
        if values.size == 1:
            return np.full(channels, values.reshape(()), "float32")
        return values.reshape(-1) if (1,) * (3 - values.ndim) + values.shape == wanted else False


def _draw_shift(rng, shift_range, size):
    """A shift in pixels from a fraction, a number of pixels, an int or a list (see `ImageDataGenerator`)."""
    if np.size(shift_range) == 0 or not np.any(shift_range):
        return 0
    try:
        shift = rng.choice(shift_range) * rng.choice([-1, 1])
    except ValueError:  # a float
        shift = rng.uniform(-shift_range, shift_range)
    return shift * size if np.max(shift_range) < 1 else shift


def _affine_parameters(p: dict) -> dict:
    return {name: p.get(name, 1 if name in ("zx", "zy") else 0) for name in ("theta", "tx", "ty", "shear", "zx", "zy")}


def _whitening_matrix(x: np.ndarray, epsilon: float) -> np.ndarray:
    """U diag(sqrt(n) / (s + epsilon)) U^T, where U and s are the left singular vectors and values of x^T (d, n)."""
    n, d = x.shape
    if n > d:  # the eigenvectors of the d x d product, in double, are the same and cost less
        wide = x.astype("float64")
        squares, u = np.linalg.eigh(wide.T @ wide)
        s = np.sqrt(np.maximum(squares, 0))
    else:
        u, s, _ = np.linalg.svd(x.T, full_matrices=False)
    return (u * (np.sqrt(n) / (s + epsilon))) @ u.T
