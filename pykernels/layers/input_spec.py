"""The inputs that a layer accepts, and the errors for other inputs."""

from __future__ import annotations

from ..utils.tree import flatten


class InputSpec:
    """Rank, shape and dtype that an input of a layer must have.

    Args:
        dtype: expected dtype, None for any.
        shape: expected shape, None dimensions for any.
        ndim: int, the expected rank. Default None: any.
        max_ndim, min_ndim: ints, bounds of the rank. Default None.
        axes: dict of axis -> expected size.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing or added. Default False.
        name: str, the expected name of the input, for inputs given as a dict.
        optional: whether None may be passed. Default False.
    """

    def __init__(
        self,
        dtype=None,
        shape=None,
        ndim=None,
        max_ndim=None,
        min_ndim=None,
        axes=None,
        allow_last_axis_squeeze=False,
        name=None,
        optional=False,
    ):
        self.dtype = dtype
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        rank = self.ndim if self.ndim is not None else max_ndim
        if self.axes and rank is not None and max(self.axes) >= rank:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {rank - 1}")

    def __repr__(self):
        fields = [f"{key}={value}" for key, value in self.get_config().items() if value]
        return f"InputSpec({', '.join(fields)})"

    def get_config(self):
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def assert_input_compatibility(input_spec, inputs, layer_name: str) -> None:
    """Raises ValueError, in Keras's words, when `inputs` are not what `input_spec` (one or a list) asks for."""
    if not input_spec:
        return
    specs = flatten(input_spec)
    names = [spec.name for spec in specs if spec is not None]
    if isinstance(inputs, dict) and len(names) == len(specs) and all(names):
        for name in names:
            if name not in inputs:
                raise ValueError(
                    f'Missing data for input "{name}". You passed a data dictionary with keys {list(inputs)}. '
                    f"Expected the following keys: {names}"
                )
        inputs = [inputs[name] for name in names]
    inputs = flatten(inputs)
    if len(inputs) != len(specs):
        raise ValueError(
            f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(inputs)} input tensors. '
            f"Inputs received: {inputs}"
        )
    for index, (x, spec) in enumerate(zip(inputs, specs, strict=True)):
        if spec is not None and not (x is None and spec.optional):
            _check(index, x, spec, layer_name)


def _check(index: int, x, spec: InputSpec, layer_name: str) -> None:
    if not hasattr(x, "shape"):
        raise ValueError(
            f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input for layer '{layer_name}'."
        )
    shape = tuple(x.shape)
    ndim = len(shape)
    start = f"Input {index} with name '{spec.name}' of layer '{layer_name}' is incompatible with the layer: "
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and ndim != spec.ndim:
        raise ValueError(f"{start}expected ndim={spec.ndim}, found ndim={ndim}. Full shape received: {shape}")
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        raise ValueError(f"{start}expected max_ndim={spec.max_ndim}, found ndim={ndim}")
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        raise ValueError(f"{start}expected min_ndim={spec.min_ndim}, found ndim={ndim}. Full shape received: {shape}")
    if spec.dtype is not None and str(x.dtype) != spec.dtype:
        raise ValueError(f"{start}expected dtype={spec.dtype}, found dtype={x.dtype}")
    for axis, value in spec.axes.items():
        if value is not None and shape[axis] not in (value, None):
            raise ValueError(
                f"{start}expected axis {axis} of input shape to have value {value}, but received input with "
                f"shape {shape}"
            )
    if spec.shape is not None:
        _check_shape(shape, spec, start)


def _check_shape(shape: tuple, spec: InputSpec, start: str) -> None:
    want = spec.shape
    have = shape
    if spec.allow_last_axis_squeeze:
        have = have[:-1] if have and have[-1] == 1 else have
        want = want[:-1] if want and want[-1] == 1 else want
    for want_dim, dim in zip(want, have, strict=False):
        if want_dim is not None and dim is not None and want_dim != dim:
            raise ValueError(f"{start}expected shape={spec.shape}, found shape={shape}")
