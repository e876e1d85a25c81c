"""Placeholder."""


def export_onnx(model, filepath, verbose=False, **kwargs):
    raise NotImplementedError
