"""PyTorch, eager, a training loop written by hand."""

from __future__ import annotations

from typing import Any

import torch
from cases import Case

_ACTIVATIONS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}


class Torch:
    """Args: `implementation` of Adam: ``"fused"`` or ``"foreach"``."""

    def __init__(self, implementation: str) -> None:
        self.implementation = implementation
        self.version = torch.__version__

    def prepare(self, case: Case) -> None:
        stack: list[Any] = [torch.nn.Flatten()] if len(case.input_shape) > 1 else []
        fan_in = case.features
        for units, activation in case.layers:
            stack.append(torch.nn.Linear(fan_in, units))
            if activation in _ACTIVATIONS:
                stack.append(_ACTIVATIONS[activation]())
            fan_in = units
        self.model = torch.nn.Sequential(*stack)
        weights = case.weights()
        linear = [layer for layer in stack if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            for layer, kernel, bias in zip(linear, weights[::2], weights[1::2], strict=True):
                layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias))
        options = {self.implementation: True, "lr": case.learning_rate}
        if case.optimizer == "adam":
            self.optimizer: Any = torch.optim.Adam(self.model.parameters(), eps=1e-7, **options)
        else:
            self.optimizer = torch.optim.SGD(self.model.parameters(), **options)
        x, y = case.data()
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.loss: Any = torch.nn.MSELoss()
        if case.classification:
            # class numbers and logits: the quickest form of this loss in PyTorch
            self.y, self.loss = self.y.argmax(dim=1), torch.nn.CrossEntropyLoss()
        self.case = case

    def first_epoch(self) -> float:
        return self._epoch(torch.arange(self.case.rows))

    def train(self, epochs: int) -> float:
        loss = 0.0
        for _ in range(epochs):
            loss = self._epoch(torch.randperm(self.case.rows))
        return loss

    def _epoch(self, order: torch.Tensor) -> float:
        total = torch.zeros(())
        for rows in order.split(self.case.batch):
            self.optimizer.zero_grad()
            loss = self.loss(self.model(self.x[rows]), self.y[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / self.case.steps

    def one_row(self) -> dict[str, Any]:
        row = self.x[:1]

        def call() -> Any:
            with torch.inference_mode():
                logits = self.model(row)
                return (logits.softmax(dim=1) if self.case.classification else logits).numpy()

        return {"model(x)": call}
