"""Export of models as ONNX files."""
