"""Where Keras 2 had the layers that prepare images: `layers.experimental.preprocessing`."""

from . import preprocessing

__all__ = ["preprocessing"]
