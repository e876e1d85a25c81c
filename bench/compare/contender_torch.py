"""PyTorch, eager, a training loop written by hand."""

from __future__ import annotations

from typing import Any

import torch
from cases import Case, Conv, Dense, Dropout, Flatten, GlobalAveragePool, MaxPool

_ACTIVATIONS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}


class _FlattenChannelsLast(torch.nn.Module):
    """Rows, columns, channels: a view of an image in channels_last memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


class _GlobalAverage(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


def _modules(case: Case) -> list[Any]:
    stack: list[Any] = []
    for layer, shape in zip(case.layers, case.shapes(), strict=True):
        if isinstance(layer, Dense):
            stack.append(torch.nn.Linear(shape[-1], layer.units))
            if layer.activation in _ACTIVATIONS:
                stack.append(_ACTIVATIONS[layer.activation]())
        elif isinstance(layer, Conv):
            stack += [torch.nn.Conv2d(shape[-1], layer.filters, 3, padding=layer.padding), torch.nn.ReLU(inplace=True)]
        elif isinstance(layer, MaxPool):
            stack.append(torch.nn.MaxPool2d(2))
        elif isinstance(layer, Dropout):
            stack.append(torch.nn.Dropout(layer.rate))
        else:
            stack.append({Flatten: _FlattenChannelsLast, GlobalAveragePool: _GlobalAverage}[type(layer)]())
    return stack


class Torch:
    """Args: `implementation` of Adam: ``"fused"`` or ``"foreach"``."""

    def __init__(self, implementation: str) -> None:
        self.implementation = implementation
        self.version = torch.__version__

    def prepare(self, case: Case) -> None:
        stack = _modules(case)
        self.model = torch.nn.Sequential(*stack)
        weights = case.weights()
        weighted = [layer for layer in stack if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))]
        with torch.no_grad():
            for layer, kernel, bias in zip(weighted, weights[::2], weights[1::2], strict=True):
                order = (1, 0) if kernel.ndim == 2 else (3, 2, 0, 1)
                layer.weight.copy_(torch.from_numpy(kernel.transpose(order).copy()))
                layer.bias.copy_(torch.from_numpy(bias))
        if any(isinstance(layer, torch.nn.Conv2d) for layer in stack):
            self.model = self.model.to(memory_format=torch.channels_last)
        options = {self.implementation: True, "lr": case.learning_rate}
        if case.optimizer == "adam":
            self.optimizer: Any = torch.optim.Adam(self.model.parameters(), eps=1e-7, **options)
        else:
            self.optimizer = torch.optim.SGD(self.model.parameters(), **options)
        x, y = case.data()
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        if x.ndim == 4:  # images: the same memory, seen as channels first
            self.x = self.x.permute(0, 3, 1, 2)
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

    def predict(self) -> Any:
        """One pass over the rows: (rows, outputs)."""
        self.model.eval()
        with torch.inference_mode():
            parts = [self.model(rows) for rows in self.x.split(self.case.batch)]
            logits = torch.cat(parts)
            return (logits.softmax(dim=1) if self.case.classification else logits).numpy()

    def _epoch(self, order: torch.Tensor) -> float:
        total = torch.zeros(())
        self.model.train()
        for rows in order.split(self.case.batch):
            self.optimizer.zero_grad()
            loss = self.loss(self.model(self.x[rows]), self.y[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / self.case.steps

    def one_row(self) -> dict[str, Any]:
        row = self.x[:1]
        self.model.eval()

        def call() -> Any:
            with torch.inference_mode():
                logits = self.model(row)
                return (logits.softmax(dim=1) if self.case.classification else logits).numpy()

        return {"model(x)": call}
