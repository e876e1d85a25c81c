"""`tf.summary`: scalars, histograms, images and texts for TensorBoard, written without TensorFlow."""

from . import experimental
from .legacy import FileWriter, HistogramProto, Summary
from .summaries import histogram, image, scalar, text
from .writer import (
    SummaryWriter,
    create_file_writer,
    create_noop_writer,
    flush,
    record_if,
    should_record_summaries,
)

__all__ = [
    "FileWriter",
    "HistogramProto",
    "Summary",
    "SummaryWriter",
    "create_file_writer",
    "create_noop_writer",
    "experimental",
    "flush",
    "histogram",
    "image",
    "record_if",
    "scalar",
    "should_record_summaries",
    "text",
]
