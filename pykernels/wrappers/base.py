"""What the estimators take from scikit-learn, and stand-ins where that is not installed."""

from __future__ import annotations

from ..compat import hook

try:
    import sklearn as _sklearn
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
except ImportError:
    _sklearn = None

    class BaseEstimator:  # type: ignore[no-redef]
        """Stands for scikit-learn's, so that the module can be imported."""

    class ClassifierMixin:  # type: ignore[no-redef]
        """See `BaseEstimator`."""

    class RegressorMixin:  # type: ignore[no-redef]
        """See `BaseEstimator`."""

    class TransformerMixin:  # type: ignore[no-redef]
        """See `BaseEstimator`."""


__all__ = ["BaseEstimator", "ClassifierMixin", "Estimator", "RegressorMixin", "TransformerMixin"]

_INSTALLED = "_import_hook_is_installed"


class Estimator(BaseEstimator):
    """A model as an estimator. In the processes of `n_jobs`, ``import keras`` means what it means here."""

    def __init__(self):
        if _sklearn is None:
            raise ImportError(
                f"{type(self).__name__} requires `scikit-learn` to be installed. Run `pip install scikit-learn` to "
                "install it."
            )

    def __getstate__(self):
        return {**super().__getstate__(), _INSTALLED: hook.is_installed()}

    def __setstate__(self, state):
        state = dict(state)
        if state.pop(_INSTALLED, False):
            hook.install()
        super().__setstate__(state)
