"""`Sequential` models of Keras 1 that began with a layer `Merge` of other models, as functional ones."""

from __future__ import annotations


def merged_branches(layers: list) -> dict | None:
    """The functional configuration, in the form of Keras 1, of the layers of such a `Sequential`; None for others.

    Raises:
        ValueError: a branch that is no plain `Sequential`.
    """
    first = layers[0] if layers and isinstance(layers[0], dict) else {}
    merge = first.get("config")
    if first.get("class_name") != "Merge" or not isinstance(merge, dict) or not isinstance(merge.get("layers"), list):
        return None
    entries: list[dict] = []
    ends = [_branch(branch, entries) for branch in merge["layers"]]
    inputs = [[entry["name"], 0, 0] for entry in entries if entry["class_name"] == "InputLayer"]
    merge = {key: value for key, value in merge.items() if key != "layers"}
    last = _add(entries, {"class_name": "Merge", "config": merge}, ends)
    for layer in layers[1:]:
        last = _add(entries, layer, [last])
    return {"layers": entries, "input_layers": inputs, "output_layers": [[last, 0, 0]]}


def _branch(branch, entries: list) -> str:
    config = branch.get("config") if isinstance(branch, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(branch, dict) or branch.get("class_name") != "Sequential" or not isinstance(layers, list):
        raise ValueError("A Merge layer of Keras 1 over models that are no Sequential is not read; build them in code.")
    last = None
    for layer in layers:
        inner = layer.get("config") if isinstance(layer, dict) else None
        if not isinstance(inner, dict) or layer.get("class_name") == "Merge":
            raise ValueError("A Merge layer of Keras 1 over models that merge others is not read; build them in code.")
        if last is None and layer.get("class_name") != "InputLayer":
            shape = inner.get("batch_input_shape") or [None, inner.get("input_dim")]
            given = {"batch_input_shape": shape, "name": f"{inner.get('name')}_input"}
            last = _add(entries, {"class_name": "InputLayer", "config": given}, [])
        last = _add(entries, layer, [last] if last is not None else [])
    if last is None:
        raise ValueError("A Merge layer of Keras 1 over a model without layers is not read.")
    return last


def _add(entries: list, layer: dict, sources: list) -> str:
    name = str(layer["config"].get("name"))
    nodes = [[[source, 0, 0] for source in sources]] if sources else []
    entries.append({**layer, "name": name, "inbound_nodes": nodes})
    return name
