"""The class of `Model(inputs, outputs)`."""

from ..saving.legacy_config import is_legacy, modern_model
from ..utils import serialization
from .functional_config import graph_config, graph_from_config
from .model import Model


class Functional(Model):
    """A model made of symbolic inputs and outputs; the class of `Model(inputs, outputs)`.

    Args: as in `Model`.
    """

    def get_config(self):
        """Name, layers with the calls between them, inputs and outputs; as Keras 3 writes it."""
        return {"name": self.name, "trainable": self.trainable, **graph_config(self._graph, Functional)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model, with new weights, that `get_config` of any version of Keras described.

        Raises:
            ValueError: calls in a circle, or to what is not there. TypeError: a class that is not known.
        """
        if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
            raise ValueError(f"The configuration of a model is a dict with `layers`. Received: {str(config)[:300]}")
        if any(is_legacy(layer) for layer in config["layers"]):
            config = modern_model({"class_name": "Functional", "config": config})["config"]
        with serialization.custom_object_scope(custom_objects or {}):
            inputs, outputs = graph_from_config(config, custom_objects, Functional)
        trainable = config.get("trainable")
        return cls(inputs, outputs, name=config.get("name"), **({"trainable": False} if trainable is False else {}))


Model._functional_class = Functional
serialization.register_internal("keras.src.models.functional", Functional)
