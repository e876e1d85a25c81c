"""pykernels and real Keras: one program, plain ``fit(x, y)``, since the two have one interface."""

from __future__ import annotations

import importlib
import os
from typing import Any

from cases import Case, Conv, Dense, Dropout, Flatten, GlobalAveragePool, MaxPool

_LAYERS: dict[type, Any] = {
    Flatten: lambda layers: layers.Flatten,
    MaxPool: lambda layers: layers.MaxPooling2D,
    GlobalAveragePool: lambda layers: layers.GlobalAveragePooling2D,
}


class KerasLike:
    """Trains through `fit`.

    Args:
        module: ``"pykernels"`` or ``"keras"`` (whose backend is in ``KERAS_BACKEND``).
        steps_per_execution: Keras's option for running several steps in one call; None leaves it alone.
    """

    def __init__(self, module: str, steps_per_execution: int | None = None) -> None:
        self.keras: Any = importlib.import_module(module)
        self.steps_per_execution = steps_per_execution
        self.version = self.keras.__version__
        if module == "keras":
            backend = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}[os.environ["KERAS_BACKEND"]]
            self.version += f", {backend} {importlib.import_module(backend).__version__}"

    def prepare(self, case: Case) -> None:
        keras, layers = self.keras, self.keras.layers
        stack: list[Any] = [keras.Input(case.input_shape)]
        for layer in case.layers:
            if isinstance(layer, Dense):
                stack.append(layers.Dense(layer.units, activation=layer.activation))
            elif isinstance(layer, Conv):
                stack.append(layers.Conv2D(layer.filters, 3, padding=layer.padding, activation="relu"))
            elif isinstance(layer, Dropout):
                stack.append(layers.Dropout(layer.rate))
            else:
                stack.append(_LAYERS[type(layer)](layers)())
        self.model = keras.Sequential(stack)
        optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[case.optimizer](case.learning_rate)
        options = {} if self.steps_per_execution is None else {"steps_per_execution": self.steps_per_execution}
        self.model.compile(optimizer=optimizer, loss=case.loss, **options)
        self.model.set_weights(case.weights())
        self.x, self.y = case.data()
        self.case = case

    def first_epoch(self) -> float:
        """Mean loss of one epoch in order, from the starting weights."""
        return self._fit(1, shuffle=False)

    def train(self, epochs: int) -> float:
        return self._fit(epochs, shuffle=True)

    def predict(self) -> Any:
        """One pass over the rows: (rows, outputs)."""
        return self.model.predict(self.x, batch_size=self.case.batch, verbose=0)

    def _fit(self, epochs: int, shuffle: bool) -> float:
        history = self.model.fit(
            self.x, self.y, batch_size=self.case.batch, epochs=epochs, verbose=0, shuffle=shuffle
        ).history
        return float(history["loss"][-1])

    def one_row(self) -> dict[str, Any]:
        """Functions that predict one row, by name; each waits for its result."""
        row, model = self.x[:1], self.model
        if self.keras.__name__ == "pykernels":
            call = lambda: model(row)  # noqa: E731
        else:
            convert = self.keras.ops.convert_to_numpy
            call = lambda: convert(model(row))  # noqa: E731
        return {"predict": lambda: model.predict(row, verbose=0), "model(x)": call}
