"""Pictures of data, training, layers and models (needs matplotlib, ``pip install 'pykernels[viz]'``).

The functions return a `matplotlib.figure.Figure` without a window, so they work without a display:
``plot_history(history).savefig("curves.png")``.
"""

from .confusion import confusion_matrix, plot_confusion_matrix
from .convolution import plot_activations, plot_filters
from .history import plot_history
from .images import as_picture, plot_images
from .model_plot import Dot, model_to_dot, plot_model
from .predictions import plot_predictions, select_predictions

__all__ = [
    "Dot",
    "as_picture",
    "confusion_matrix",
    "model_to_dot",
    "plot_activations",
    "plot_confusion_matrix",
    "plot_filters",
    "plot_history",
    "plot_images",
    "plot_model",
    "plot_predictions",
    "select_predictions",
]
