"""The base class of layers that prepare and augment images."""

from __future__ import annotations

from .. import config, ops, random
from .layer import Layer


class ImageLayer(Layer):
    """A layer of images of rank 3 (one image) or 4 (a batch), or of a dict with "images" and what belongs to them.

    A subclass draws the parameters of its change in `get_random_transformation` and makes it in `transform_images`.
    In a dict, "segmentation_masks" are changed as the images are and "labels" stay.

    Args:
        factor: float or tuple of two floats, for the layers that have one. Default None.
        bounding_box_format: str, kept in the configuration. Bounding boxes are not supported.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.

    Raises:
        ValueError: `factor` is out of range, or the layer has none.
        NotImplementedError: at the call, "bounding_boxes" in the inputs.
    """

    takes_factor = True
    factor_bounds: tuple = (-1, 1)

    def __init__(self, factor=None, bounding_box_format=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = config.standardize_data_format(data_format)
        if self.takes_factor:
            self._set_factor(factor or 0.0)
        elif factor is not None:
            raise ValueError(
                f"Layer {type(self).__name__} does not take a `factor` argument. Received: factor={factor}"
            )

    def _set_factor(self, factor) -> None:
        low, high = self.factor_bounds
        message = (
            f"The `factor` argument should be a number (or a list of two numbers) in the range [{low}, {high}]. "
            f"Received: factor={factor}"
        )
        if isinstance(factor, (tuple, list)):
            if len(factor) != 2 or factor[0] > high or factor[1] < low:
                raise ValueError(message)
            lower, upper = sorted(factor)
        elif isinstance(factor, (int, float)):
            if not low <= factor <= high:
                raise ValueError(message)
            lower, upper = max(-abs(factor), low), abs(factor)
        else:
            raise ValueError(message)
        self.factor = lower, upper

    def _set_seed(self, seed) -> None:
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def _draw(self, shape, low, high, seed=None):
        """float32 numbers from [low, high): new ones at each call and, in a program, in each run."""
        generator = self.generator if seed is None else seed
        return random.uniform(shape, minval=low, maxval=high, dtype="float32", seed=generator)

    # --- images ------------------------------------------------------------------------------------------
    def _images(self, data):
        return ops.convert_to_tensor(data["images"] if isinstance(data, dict) else data)

    def _batch_size(self, images):
        return images.shape[0] if len(images.shape) == 4 else 1

    def _extents(self, images) -> tuple:
        """(height, width)"""
        return tuple(images.shape[-2:] if self.data_format == "channels_first" else images.shape[-3:-1])

    def get_random_transformation(self, data, training=True, seed=None):
        """The parameters of one change of `data`; None for none."""
        return None

    def transform_images(self, images, transformation, training=True):
        """`images`, of rank 3 or 4, changed by what `get_random_transformation` gave."""
        raise NotImplementedError

    def transform_labels(self, labels, transformation, training=True):
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        """Masks changed as images are, without mixing neighbouring pixels."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def call(self, data, training=True):
        if not isinstance(data, dict):
            self._check_rank(data)
            return self.transform_images(data, self.get_random_transformation(data, training=training), training)
        if "bounding_boxes" in data:
            raise NotImplementedError(
                f"Layer '{self.name}' does not change bounding boxes; pass only images, labels and segmentation masks"
            )
        self._check_rank(data["images"])
        transformation = self.get_random_transformation(data, training=training)
        changed = dict(data)
        changed["images"] = self.transform_images(data["images"], transformation, training=training)
        for key, change in (
            ("labels", self.transform_labels),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if key in data:
                changed[key] = change(data[key], transformation, training=training)
        return changed

    def _check_rank(self, images) -> None:
        if len(images.shape) not in (3, 4):
            raise ValueError(
                f"Layer '{self.name}': Expected image tensor to have rank 3 (single image) or 4 (batch of images). "
                f"Received: data.shape={tuple(images.shape)}"
            )

    # --- shapes and configuration ------------------------------------------------------------------------
    def compute_output_shape(self, input_shape):
        return input_shape if isinstance(input_shape, dict) else tuple(input_shape)

    def _resized_shape(self, input_shape, height, width) -> tuple:
        shape = list(input_shape)
        at = len(shape) - (2 if self.data_format == "channels_first" else 3)
        shape[at : at + 2] = height, width
        return tuple(shape)

    def get_config(self):
        own = {"data_format": self.data_format}
        if self.bounding_box_format is not None:
            own["bounding_box_format"] = self.bounding_box_format
        return {**super().get_config(), **own}
