"""The estimators of Keras 3."""

from __future__ import annotations

import copy

import numpy as np

from ..models import Model, clone_model
from .base import ClassifierMixin, Estimator, RegressorMixin, TransformerMixin

_KINDS = ("binary", "multiclass")


class _SKLearnModel(Estimator):
    _check: dict = {"multi_output": True}  # noqa: RUF012

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        super().__init__()
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def _more_tags(self):  # before scikit-learn 1.6
        return {"non_deterministic": True, "poor_score": True, "preserves_dtype": []}

    def __sklearn_clone__(self):
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        twin = type(self)(model, self.warm_start, copy.deepcopy(self.model_kwargs), copy.deepcopy(self.fit_kwargs))
        requests = {name: copy.deepcopy(value) for name, value in vars(self).items() if name == "_metadata_request"}
        vars(twin).update(requests)
        return twin

    @property
    def epoch_(self) -> int:
        """How many epochs the last `fit` took."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def fit(self, X, y, **kwargs):  # noqa: N803
        """Trains a model.

        Args:
            X: array of shape (samples, features).
            y: array of shape (samples,) or (samples, outputs).
            kwargs: for `model.fit`; before those of `fit_kwargs`.

        Returns:
            The estimator.

        Raises:
            RuntimeError: the model is not compiled.
            ValueError: data that scikit-learn does not take.
        """
        X, y = _validated(self, X, y, **self._check)  # noqa: N806
        y = self._targets(y)
        model = self._new_model(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError("Given model needs to be compiled, and have a loss and an optimizer.")
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _new_model(self, x, y):
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            return self.model if self.warm_start else clone_model(self.model)
        return self.model(X=x, y=y, **(self.model_kwargs or {}))

    def _outputs(self, x):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return self.model_.predict(_validated(self, x, reset=False), verbose=self._verbosity())

    def _verbosity(self):
        return (self.fit_kwargs or {}).get("verbose", "auto")

    def _targets(self, y):
        _kind_of(y)
        self._one_axis = y.ndim == 1
        return y.reshape(-1, 1) if self._one_axis else y

    def predict(self, X):  # noqa: N803
        """What the model makes of data.

        Args:
            X: array of shape (samples, features).

        Returns:
            Array of the shape of the `y` that `fit` was given.

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_axis and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


class SKLearnClassifier(ClassifierMixin, _SKLearnModel):
    """A model as a classifier of scikit-learn. It is trained on one-hot labels of all classes in `y`.

    Args:
        model: a compiled `Model`, which is cloned before it is trained, or a callable that returns one. It is called
            with the keywords `X`, `y` (one-hot) and those of `model_kwargs`.
        warm_start: whether `fit` goes on with the weights that are there: of `model` itself, or of the last `fit`.
            Default False.
        model_kwargs: dict or None, for `model`.
        fit_kwargs: dict or None, for `Model.fit`.

    Attributes: `model_`, `history_` (of the last `fit`), `classes_`.

    Raises:
        ImportError: scikit-learn is not installed.
    """

    _check: dict = {}  # noqa: RUF012

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        super().__init__(model, warm_start, model_kwargs, fit_kwargs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _targets(self, y):
        kind = _kind_of(y)
        if kind not in _KINDS:
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        self.classes_ = classes
        return np.eye(len(classes))[numbers]

    def decision_function(self, X):  # noqa: N803
        """The model's outputs.

        Args:
            X: array of shape (samples, features).

        Returns:
            Array of shape (samples, classes).
        """
        return self._outputs(X)

    def predict(self, X):  # noqa: N803
        """The class of each sample.

        Args:
            X: array of shape (samples, features).

        Returns:
            Array of members of `classes_`, of shape (samples,).

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
            ValueError: the model's outputs are not one for each class.
        """
        outputs = self._outputs(X)
        if outputs.ndim != 2 or outputs.shape[1] != len(self.classes_):
            raise ValueError(
                f"The model should have an output for each of the {len(self.classes_)} classes. Received predictions "
                f"of shape {outputs.shape}."
            )
        found = self.classes_[outputs.argmax(axis=1)]
        return found


class SKLearnRegressor(RegressorMixin, _SKLearnModel):
    """A model as a regressor of scikit-learn.

    Args:
        model: a compiled `Model`, which is cloned before it is trained, or a callable that returns one. It is called
            with the keywords `X`, `y` and those of `model_kwargs`.
        warm_start: whether `fit` goes on with the weights that are there: of `model` itself, or of the last `fit`.
            Default False.
        model_kwargs: dict or None, for `model`.
        fit_kwargs: dict or None, for `Model.fit`.

    Attributes: `model_`, `history_` (of the last `fit`).

    Raises:
        ImportError: scikit-learn is not installed.
    """

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        super().__init__(model, warm_start, model_kwargs, fit_kwargs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _SKLearnModel):
    """A model as a transformer of scikit-learn: its outputs are the features of what comes behind it.

    Args:
        model: a compiled `Model`, which is cloned before it is trained, or a callable that returns one. It is called
            with the keywords `X`, `y` and those of `model_kwargs`.
        warm_start: whether `fit` goes on with the weights that are there: of `model` itself, or of the last `fit`.
            Default False.
        model_kwargs: dict or None, for `model`.
        fit_kwargs: dict or None, for `Model.fit`.

    Attributes: `model_`, `history_` (of the last `fit`).

    Raises:
        ImportError: scikit-learn is not installed.
    """

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        super().__init__(model, warm_start, model_kwargs, fit_kwargs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X):  # noqa: N803
        """The model's outputs.

        Args:
            X: array of shape (samples, features).

        Returns:
            Array of shape (samples, outputs).
        """
        return self._outputs(X)


def _validated(estimator, *args, **kwargs):
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # before scikit-learn 1.6
        return getattr(estimator, "_validate_data")(*args, **kwargs)  # noqa: B009
    return validate_data(estimator, *args, **kwargs)


def _kind_of(y) -> str:
    from sklearn.utils.multiclass import type_of_target

    kind = type_of_target(y)
    if kind == "unknown":
        raise ValueError(f"Unknown label type for data: {y!r}")
    return kind
