"""`Model.export(format="onnx")`: the recorded prediction of a model, op by op as an ONNX graph."""

from __future__ import annotations

import os

import numpy as np

from ...graph import Tensor, Trace, Variable, apply, reading
from ...graph.autodiff import reachable
from ...layers.node import outside_traces, symbolic
from ...utils.atomic import atomic_write
from ...utils.tree import flatten
from . import images as onnx_images
from . import recurrent as onnx_recurrent
from .graph import OnnxGraph
from .rules import RULES, element_type

_OPSET = 18
_LIMIT = (1 << 31) - (1 << 20)  # bytes of one protobuf message

assert onnx_images and onnx_recurrent  # their rules are in RULES


def export_onnx(model, filepath, verbose=False, opset_version=None) -> None:
    """See `Model.export`.

    Args:
        opset_version: int from 18 up to what the installed onnx knows; 18 by default.

    Raises:
        ImportError: onnx is not installed. ValueError: the model is not built, has more than 2 GiB of weights, or the
        version is none of these. NotImplementedError: something that has no form in ONNX here; the message names the
        layer.
    """
    onnx = _library()
    opset = _OPSET if opset_version is None else opset_version
    latest = onnx.defs.onnx_opset_version()
    if not isinstance(opset, int) or not _OPSET <= opset <= latest:
        raise ValueError(f"`opset_version` must be from {_OPSET} to {latest}. Received: opset_version={opset_version}")
    path = os.fspath(filepath)
    path = path.decode() if isinstance(path, bytes) else path
    if sum(v.nbytes for v in model.weights) > _LIMIT:
        raise ValueError(f"Model '{model.name}' has more than 2 GiB of weights, which one ONNX file cannot hold.")
    inputs, outputs = _recorded(model)
    with reading(model.weights):
        graph = _translated(model, inputs, outputs)
        message = _message(model, graph, inputs, outputs, opset)
    onnx.checker.check_model(message)
    with atomic_write(path) as file:
        file.write(message.SerializeToString())
    if verbose:
        print(f"Saved artifact at '{path}'.")


def _library():
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "export(format='onnx') needs the package onnx: pip install 'pykernels[onnx]' (or pip install onnx)."
        ) from error
    return onnx


# --- recording --------------------------------------------------------------------------------------------------
def _recorded(model) -> tuple[list[Tensor], list]:
    """(inputs, outputs) of the model's prediction, for any batch size."""
    if model.host_part is not None:
        names = [layer.name for layer in model.host_part.head.layers if layer.computed_on_host]
        raise NotImplementedError(
            f"Layers {names} look words up, which is not exported to ONNX: export a model of the layers behind them, "
            "and apply them to its inputs."
        )
    types = model.input_types or [((None, *shape[1:]), dtype) for shape, dtype in model._free_inputs or ()]
    if not types or not model.built:
        raise ValueError(
            f"Model '{model.name}' has never been called, so that the shapes of its inputs are not known. Call it on "
            "data, or build it, before export()."
        )
    with outside_traces(), Trace() as trace:
        inputs = [symbolic(shape, dtype) for shape, dtype in types]
        outputs = flatten(model(model._pack_inputs(inputs), training=False))
    model._clear_losses()
    if trace.effects:
        labels = sorted({node.label for node in trace.effects})
        raise NotImplementedError(f"Layers {labels} change their state while predicting, which ONNX cannot do.")
    return inputs, outputs


def _translated(model, inputs, outputs) -> OnnxGraph:
    nodes = [node for node in reachable([x for x in outputs if isinstance(x, Tensor)]) if node.op is not None]
    readers: dict[int, int] = {}
    held = [node.outputs for node in nodes]  # identities stay
    for x in [x for node in nodes for x in node.inputs] + list(outputs):
        readers[id(x)] = readers.get(id(x), 0) + 1
    graph = OnnxGraph(readers)
    for name, x in zip(_input_names(model, inputs), inputs, strict=True):
        graph.put(x, graph.unique(name))
    for node in nodes:
        graph.label = node.label
        if all(graph.constant(x) is not None for x in node.inputs) and node.inputs:
            _fold(graph, node)
        elif node.name in RULES:
            RULES[node.name](graph, node)
        else:
            raise NotImplementedError(
                f"{_described(model, node, nodes)} cannot be exported to ONNX: it computes '{node.name}', for which "
                "there is no rule."
            )
    del held
    return graph


def _described(model, node, nodes) -> str:
    """The layer that recorded a node; of one without a label, the layer that reads it first."""
    made = {id(x) for x in node.outputs}
    readers = (other.label for other in nodes if made & {id(x) for x in other.inputs})
    label = node.label or next(readers, "")
    kinds = [type(layer).__name__ for layer in model._flatten_layers() if layer.name == label]
    return f"Layer '{label}' ({kinds[0]})" if kinds else f"Model '{model.name}'"


def _fold(graph: OnnxGraph, node) -> None:
    """What does not depend on the inputs is computed now."""
    values = apply(node.name, [np.asarray(graph.constant(x)) for x in node.inputs], **node.attrs)
    for tensor, value in zip(node.outputs, values if isinstance(values, tuple) else (values,), strict=True):
        graph.put_constant(tensor, value)


# --- the file -----------------------------------------------------------------------------------------------------
def _input_names(model, inputs) -> list[str]:
    names = list(model.input_names or ())
    return names if len(names) == len(inputs) else [f"input_{i}" for i in range(len(inputs))]


def _output_names(model, outputs) -> list[str]:
    names = list(model.output_names or ())
    return names if len(names) == len(outputs) else [f"output_{i}" for i in range(len(outputs))]


def _message(model, graph: OnnxGraph, inputs, outputs, opset: int):
    import onnx

    outputs = [x.array if isinstance(x, Variable) else x for x in outputs]
    given = [graph.stored(x).name for x in inputs]
    names = []
    for name, x in zip(_output_names(model, outputs), outputs, strict=True):
        names.append(graph.unique(name))
        graph.name_output(x, names[-1], set(given))
    nodes, constants = graph.needed(names)
    message = onnx.helper.make_graph(
        nodes,
        model.name,
        [_described_value(name, x) for name, x in zip(given, inputs, strict=True)],
        [_described_value(name, x) for name, x in zip(names, outputs, strict=True)],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    versions = [onnx.helper.make_opsetid("", opset)]
    oldest = onnx.helper.find_min_ir_version_for(versions)
    return onnx.helper.make_model(message, opset_imports=versions, ir_version=oldest, producer_name="pykernels")


def _described_value(name: str, x):
    import onnx

    dims = [("batch" if i == 0 else f"{name}_{i}") if d is None else d for i, d in enumerate(x.shape)]
    return onnx.helper.make_tensor_value_info(name, element_type(str(x.dtype)), dims)
