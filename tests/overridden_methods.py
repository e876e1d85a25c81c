"""Programs in which every method of Keras's base classes is overridden, and what the library then calls of them."""

from __future__ import annotations

import collections
import functools
import inspect
import os
import sys

import numpy as np

# The callers that do not count: Keras's files look at every attribute of a layer for layers within it.
_LOOKERS = ("_walk_saveable",)


class Watched:
    """Classes of one library whose public methods and properties note that the library called them.

    Args:
        library: `keras` or `pykernels`.
        left_out: names by class that are not overridden.

    Attributes:
        called: class -> names that code of the library has called.
    """

    def __init__(self, library, left_out: dict[str, set]):
        self.library = library
        self.called: dict[str, set] = collections.defaultdict(set)
        self._root = os.path.dirname(library.__file__)
        self._left_out = left_out

    def _note(self, kind: str, name: str) -> None:
        code = sys._getframe(2).f_code
        if code.co_filename.startswith(self._root) and code.co_name not in _LOOKERS:
            self.called[kind].add(name)

    def subclass(self, base: type, kind: str, without=()) -> type:
        """A subclass of `base` with versions of everything public that note the call and do what `base` does.

        Args:
            kind: under which the calls are noted. without: names that the user of the class writes herself.
        """
        own, watch = {}, self
        for name in public_names(base):
            if name in without or name in self._left_out.get(kind, ()):
                continue
            value = inspect.getattr_static(base, name)
            if isinstance(value, classmethod):
                own[name] = classmethod(_noting_class_method(watch, kind, name, value))
            elif isinstance(value, property):
                own[name] = _noting_property(watch, kind, name, value)
            elif inspect.isfunction(value):
                own[name] = _noting_method(watch, kind, name, value)
        return type(base)(kind, (base,), own)


def public_names(cls: type) -> list[str]:
    """The methods and properties of a class that may be overridden."""
    kinds = (classmethod, property)
    return [
        name
        for name in sorted(dir(cls))
        if not name.startswith("_")
        and (
            isinstance(inspect.getattr_static(cls, name), kinds)
            or inspect.isfunction(inspect.getattr_static(cls, name))
        )
    ]


def _noting_class_method(watch, kind, name, value):
    def method(cls, *args, **kwargs):
        watch._note(kind, name)
        return value.__func__(cls, *args, **kwargs)

    return method


def _noting_property(watch, kind, name, value):
    def get(self):
        watch._note(kind, name)
        return value.fget(self)

    return property(get, value.fset)


def _noting_method(watch, kind, name, value):
    @functools.wraps(value)
    def method(self, *args, **kwargs):
        watch._note(kind, name)
        return value(self, *args, **kwargs)

    method.__dict__.pop("_is_default", None)  # by which Keras marks what nobody has overridden
    return method


def calls_of(library, left_out: dict[str, set], folder) -> dict[str, set]:
    """Trains, saves, loads and copies models of overridden classes; class -> names that the library called."""
    watch = Watched(library, left_out)
    k, ops = library, library.ops
    base_layer = watch.subclass(k.layers.Layer, "Layer", ("build", "compute_output_shape", "compute_output_spec"))
    dense = watch.subclass(k.layers.Dense, "Dense")
    base_model = watch.subclass(k.Model, "Model", ("call", "compute_output_shape", "compute_output_spec"))
    sequential = watch.subclass(k.Sequential, "Sequential")
    base_optimizer = watch.subclass(k.optimizers.Optimizer, "Optimizer", ("update_step",))
    adam = watch.subclass(k.optimizers.Adam, "Adam")
    base_metric = watch.subclass(k.metrics.Metric, "Metric", ("update_state", "result"))
    accuracy = watch.subclass(k.metrics.SparseCategoricalAccuracy, "SparseCategoricalAccuracy")
    base_loss = watch.subclass(k.losses.Loss, "Loss", ("call",))
    crossentropy = watch.subclass(k.losses.SparseCategoricalCrossentropy, "SparseCategoricalCrossentropy")
    callback = watch.subclass(k.callbacks.Callback, "Callback")

    class Own(base_layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 3), name="w", regularizer=k.regularizers.L2(0.01))
            self.built = True

        def call(self, x, training=None, mask=None):
            self.add_loss(0.01 * ops.sum(x * x))
            return ops.matmul(x, self.w)

    class OwnModel(base_model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = dense(5), Own()

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            super().build(input_shape)

        def call(self, x, training=None):
            return ops.softmax(self.b(self.a(x)) * self.scale)

        def get_config(self):
            return {"name": self.name}

    class OwnOptimizer(base_optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, ops.multiply(ops.cast(learning_rate, variable.dtype), gradient))

    class OwnMetric(base_metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.total = self.add_weight(shape=(), initializer="zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(ops.sum(y_pred))

        def result(self):
            return self.total * 1.0

    class OwnLoss(base_loss):
        def call(self, y_true, y_pred):
            return k.losses.sparse_categorical_crossentropy(y_true, y_pred)

    classes = (dense, sequential, adam, accuracy, crossentropy, Own, OwnModel, OwnOptimizer, OwnMetric, OwnLoss)
    known = {cls.__name__: cls for cls in classes}
    x = np.random.default_rng(0).random((8, 6), "float32")
    y = np.arange(8) % 3

    def exercise(model, name, optimizer, loss, metric, copy):
        model.compile(optimizer=optimizer, loss=loss, metrics=[metric])
        watched = {"verbose": 0, "callbacks": [callback()]}
        model.fit(x, y, epochs=2, batch_size=4, validation_data=(x, y), **watched)
        model.evaluate(x, y, **watched)
        model.predict(x, **watched)
        model.train_on_batch(x, y)
        model.test_on_batch(x, y)
        model.predict_on_batch(x)
        model(x)
        model.summary(print_fn=lambda *args, **kwargs: None)
        for ending in (".keras", ".h5")[: 1 + copy]:
            model.save(folder / (name + ending))
            k.models.load_model(folder / (name + ending), custom_objects=known)
        model.save_weights(folder / f"{name}.weights.h5")
        model.load_weights(folder / f"{name}.weights.h5")
        if copy:
            with k.saving.custom_object_scope(known):
                k.models.clone_model(model)
            model.to_json()
        model.set_weights(model.get_weights())
        model.trainable = False

    inputs = k.Input((6,))
    outputs = k.layers.Softmax()(Own()(dense(5)(inputs)))
    stack = sequential([k.Input((6,)), dense(4), dense(3, activation="softmax")])
    exercise(OwnModel(), "own", OwnOptimizer(learning_rate=0.1), OwnLoss(), OwnMetric(), copy=False)
    exercise(k.Model(inputs, outputs), "graph", adam(learning_rate=0.1), crossentropy(), accuracy(), copy=True)
    exercise(stack, "stack", adam(learning_rate=0.1), crossentropy(), accuracy(), copy=True)
    return dict(watch.called)
