"""The estimators of Keras 1 and 2: made of a function that builds a model."""

from __future__ import annotations

import inspect
import types

import numpy as np

from ..compat.arguments import translate
from ..models import Sequential
from ..utils import to_categorical
from .base import ClassifierMixin, Estimator, RegressorMixin

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]

_METHODS = ("fit", "predict", "evaluate")  # of models; `predict_classes` takes what `predict` takes
_ACCURACIES = ("accuracy", "acc")


def _takes(function, name: str) -> bool:
    return name in getattr(function, "old_names", ()) or name in inspect.signature(function).parameters


class BaseWrapper(Estimator):
    """What `KerasClassifier` and `KerasRegressor` share.

    Args:
        build_fn: function, method or callable object that returns a compiled model; None for a subclass with
            `__call__`.
        sk_params: arguments of `build_fn`, and of `fit`, `predict` and `evaluate` of models (`epochs`, `nb_epoch`,
            `batch_size`, `verbose`, ...). All can be searched over by `GridSearchCV`.

    Attributes: `model`, the trained one.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: a name that none of these functions takes.
    """

    def __init__(self, build_fn=None, **sk_params):
        super().__init__()
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def _builder(self):
        """The function that builds, whose arguments count."""
        if self.build_fn is None:
            return self.__call__
        if isinstance(self.build_fn, (types.FunctionType, types.MethodType, type)):
            return self.build_fn
        return self.build_fn.__call__

    def check_params(self, params):
        """Raises ValueError for a name that neither `build_fn` nor a method of models takes.

        Args:
            params: dict.
        """
        functions = [*(getattr(Sequential, name) for name in _METHODS), self._builder()]
        for name in params:
            if not any(_takes(function, name) for function in functions):
                raise ValueError(f"{name} is not a legal parameter")

    def get_params(self, deep=True):
        """The arguments of the constructor.

        Args:
            deep: as scikit-learn passes it; there are no estimators within this one.

        Returns:
            dict.
        """
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params):
        """Sets arguments of the constructor.

        Args:
            params: as those of the constructor.

        Returns:
            The estimator.

        Raises:
            ValueError: a name that no function takes.
        """
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.check_params(params)
        self.sk_params = {**self.sk_params, **params}
        return self

    def filter_sk_params(self, fn, override=None):
        """Those of the constructor's arguments that a function takes.

        Args:
            fn: the function.
            override: dict of further ones, which count before them. Default None.

        Returns:
            dict.
        """
        return {**{name: value for name, value in self.sk_params.items() if _takes(fn, name)}, **(override or {})}

    def _for(self, method: str, given: dict) -> dict:
        """The arguments of a method of models, in the names of today."""
        own = translate(method, self.filter_sk_params(getattr(Sequential, method)))
        return {**own, **translate(method, given)}

    def _encoded(self, y):
        """Labels as the loss wants them."""
        loss = getattr(self.model.loss, "__name__", self.model.loss)
        one_hot = loss == "categorical_crossentropy" and np.ndim(y) != 2
        return to_categorical(y) if one_hot else y

    def fit(self, x, y, **kwargs):
        """Builds a model with `build_fn` and trains it.

        Args:
            x: array of shape (samples, features...).
            y: array of shape (samples,) or (samples, outputs).
            kwargs: for `Model.fit`; before the constructor's.

        Returns:
            `History`.
        """
        self.model = self._builder()(**self.filter_sk_params(self._builder()))
        return self.model.fit(x, self._encoded(y), **self._for("fit", kwargs))


class KerasClassifier(ClassifierMixin, BaseWrapper):
    """A model as a classifier of scikit-learn, as in Keras 1 and 2. See `BaseWrapper` for the arguments.

    Args:
        build_fn: function that returns a compiled model.
        sk_params: arguments of it and of the methods of models.

    Attributes: `model`, `classes_`, `n_classes_`.
    """

    def __init__(self, build_fn=None, **sk_params):
        super().__init__(build_fn, **sk_params)

    def fit(self, x, y, sample_weight=None, **kwargs):
        """Builds a model with `build_fn` and trains it.

        Args:
            x: array of shape (samples, features...).
            y: labels of any kind, of shape (samples,) or (samples, 1), or one-hot, of shape (samples, classes).
            sample_weight: None or an array of shape (samples,).
            kwargs: for `Model.fit`; before the constructor's.

        Returns:
            `History`.

        Raises:
            ValueError: `y` of another shape.
        """
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y.ravel())
        else:
            raise ValueError(f"Invalid shape for y: {y.shape}")
        self.n_classes_ = len(self.classes_)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        return super().fit(x, y, **kwargs)

    def predict(self, x, **kwargs):
        """The class of each sample.

        Args:
            x: array of shape (samples, features...).
            kwargs: for `Model.predict`.

        Returns:
            Array of members of `classes_`: of shape (samples,), or (samples, 1) of a model with one output, as in
            Keras.
        """
        outputs = self.model.predict(x, **self._for("predict", kwargs))
        return self.classes_[outputs.argmax(axis=-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")]

    def predict_proba(self, x, **kwargs):
        """The probability of each class.

        Args:
            x: array of shape (samples, features...).
            kwargs: for `Model.predict`.

        Returns:
            Array of shape (samples, classes); of a model with one output, (samples, 2).
        """
        outputs = self.model.predict(x, **self._for("predict", kwargs))
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def score(self, x, y, **kwargs):
        """The accuracy.

        Args:
            x: array of shape (samples, features...).
            y: labels.
            kwargs: for `Model.evaluate`.

        Returns:
            float.

        Raises:
            ValueError: the model is compiled without the metric "accuracy".
        """
        y = np.array(y)
        y = y if y.ndim == 2 and y.shape[1] > 1 else np.searchsorted(self.classes_, y.ravel())
        found = self.model.evaluate(x, self._encoded(y), **{**self._for("evaluate", kwargs), "return_dict": True})
        for name in _ACCURACIES:
            if name in found:
                return found[name]
        raise ValueError(
            'The model is not configured to compute accuracy. You should pass `metrics=["accuracy"]` to the '
            "`model.compile()` method."
        )


class KerasRegressor(RegressorMixin, BaseWrapper):
    """A model as a regressor of scikit-learn, as in Keras 1 and 2. See `BaseWrapper` for the arguments.

    Args:
        build_fn: function that returns a compiled model.
        sk_params: arguments of it and of the methods of models.

    Attributes: `model`.
    """

    def __init__(self, build_fn=None, **sk_params):
        super().__init__(build_fn, **sk_params)

    def predict(self, x, **kwargs):
        """The outputs of the model.

        Args:
            x: array of shape (samples, features...).
            kwargs: for `Model.predict`.

        Returns:
            Array of shape (samples,), or (samples, outputs).
        """
        outputs = self.model.predict(x, **self._for("predict", kwargs))
        return np.squeeze(outputs, axis=-1) if outputs.shape[-1] == 1 else outputs

    def score(self, x, y, **kwargs):
        """The negative loss: the larger the better, as scikit-learn wants it.

        Args:
            x: array of shape (samples, features...).
            y: targets.
            kwargs: for `Model.evaluate`.

        Returns:
            float.
        """
        return -self.model.evaluate(x, y, **{**self._for("evaluate", kwargs), "return_dict": True})["loss"]
