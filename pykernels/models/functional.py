"""The class of `Model(inputs, outputs)`."""

from .model import Model


class Functional(Model):
    """A model made from symbolic inputs and outputs."""

    def get_config(self):
        raise NotImplementedError(
            f"Model '{self.name}': the configuration of functional models is not supported by pykernels yet. Use "
            "save_weights() and build the model in code when loading."
        )


Model._functional_class = Functional
