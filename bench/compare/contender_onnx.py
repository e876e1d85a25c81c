"""ONNX Runtime, prediction only: the graph is written node by node, images are channels first from the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from cases import Case, Conv, Dense, Dropout, Flatten, GlobalAveragePool, MaxPool
from onnx import helper, numpy_helper


class OnnxRuntime:
    def __init__(self) -> None:
        self.version = onnxruntime.__version__

    def prepare(self, case: Case) -> None:
        if case.purpose != "predict":
            raise NotImplementedError("ONNX Runtime does not train here")
        self.case = case
        self.x = np.ascontiguousarray(case.data()[0].transpose(0, 3, 1, 2))
        model = self._model(case)
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def _model(self, case: Case) -> Any:
        weights = iter(case.weights())
        nodes, constants, last = [], [], "x"

        def constant(array: np.ndarray) -> str:
            name = f"c{len(constants)}"
            constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
            return name

        def node(kind: str, inputs: list[str], **attributes: Any) -> str:
            name = f"t{len(nodes)}"
            nodes.append(helper.make_node(kind, inputs, [name], **attributes))
            return name

        for layer in case.layers:
            if isinstance(layer, Dense):
                last = node("Gemm", [last, constant(next(weights)), constant(next(weights))])
                if layer.activation == "softmax":
                    last = node("Softmax", [last], axis=1)
                elif layer.activation != "linear":
                    last = node({"relu": "Relu", "sigmoid": "Sigmoid"}[layer.activation], [last])
            elif isinstance(layer, Conv):
                kernel = constant(next(weights).transpose(3, 2, 0, 1))
                pads = [1, 1, 1, 1] if layer.padding == "same" else [0, 0, 0, 0]
                last = node("Conv", [last, kernel, constant(next(weights))], kernel_shape=[3, 3], pads=pads)
                last = node("Relu", [last])
            elif isinstance(layer, MaxPool):
                last = node("MaxPool", [last], kernel_shape=[2, 2], strides=[2, 2])
            elif isinstance(layer, GlobalAveragePool):
                last = node("Flatten", [node("GlobalAveragePool", [last])])
            elif isinstance(layer, Flatten):
                last = node("Flatten", [node("Transpose", [last], perm=[0, 2, 3, 1])])
            elif not isinstance(layer, Dropout):
                raise NotImplementedError(f"{layer} is not written for ONNX")
        height, width, channels = case.input_shape
        kind = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            case.name,
            [helper.make_tensor_value_info("x", kind, ["n", channels, height, width])],
            [helper.make_tensor_value_info(last, kind, ["n", case.outputs])],
            constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def predict(self) -> Any:
        """One pass over the rows: (rows, outputs)."""
        batch = self.case.batch
        parts = [self.x[i : i + batch] for i in range(0, self.case.rows, batch)]
        return np.concatenate([self.session.run(None, {"x": part})[0] for part in parts])
