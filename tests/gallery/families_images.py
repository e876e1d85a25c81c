"""Small models with layers for images: augmentation, resizing, normalization."""

from __future__ import annotations

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
import numpy as np
from families import Case, Lacks, family, need, sequence


@family
def augmentation(keras):
    L = keras.layers
    E = L if hasattr(L, "RandomFlip") else getattr(getattr(L, "experimental", None), "preprocessing", None)
    if E is None:
        raise Lacks("augmentation layers")
    x = inputs = L.Input((8, 8, 3))
    x = E.RandomFlip("horizontal")(x)
    x = E.RandomRotation(0.1, fill_mode="nearest")(x)
    x = E.RandomZoom(0.2)(x)
    x = E.RandomTranslation(0.1, 0.2, interpolation="nearest")(x)
    x = E.RandomContrast(0.3)(x)
    if hasattr(E, "RandomBrightness"):
        x = E.RandomBrightness(0.2)(x)
    if keras.version < (3, 6):  # later ones leave images as they are outside of training, whatever they say
        x = E.RandomCrop(6, 6)(x)
    x = E.Resizing(5, 7)(x)
    x = E.CenterCrop(4, 4)(x)
    x = E.Rescaling(1.0 / 127.5, offset=-1)(x)
    x = L.Flatten()(x)
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, (8, 8, 3), (2,), step=False)


@family
def preprocessing_sequential(keras):
    """As in the lesson on image classification: a Sequential of augmentation within the model."""
    L = keras.layers
    need(keras, "RandomFlip", "RandomRotation", "RandomZoom", "Rescaling")
    data = sequence(
        keras, [L.RandomFlip("horizontal", input_shape=(8, 8, 3)), L.RandomRotation(0.1), L.RandomZoom(0.1)]
    )
    model = sequence(
        keras,
        [
            data,
            L.Rescaling(1.0 / 255),
            L.Conv2D(2, 3, padding="same", activation="relu"),
            L.MaxPooling2D(),
            L.Dropout(0.2),
            L.Flatten(),
            L.Dense(3, name="outputs"),
        ],
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return Case(model, (8, 8, 3), (1,), labels=3, step=False)


@family
def normalization_layer(keras):
    L = keras.layers
    E = L if hasattr(L, "Normalization") else getattr(getattr(L, "experimental", None), "preprocessing", None)
    if E is None:
        raise Lacks("Normalization")
    x = inputs = L.Input((3,))
    layer = E.Normalization(axis=-1)
    layer.adapt(np.arange(12, dtype="float32").reshape(4, 3) ** 2)
    x = layer(x)
    if keras.version >= (2, 6):
        x = E.Normalization(mean=[0.5, 1.0, 2.0], variance=[1.0, 4.0, 0.25])(x)
        x = E.Normalization(axis=None, mean=0.5, variance=2.0)(x)
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, (3,), (2,), random=False)


@family
def resampling(keras):
    L = keras.layers
    x = inputs = L.Input((4, 5, 2))
    bilinear = keras.version >= (2, 2, 3) and not keras.old_resizing  # Theano's and TensorFlow 1's are others
    x = L.UpSampling2D(2, interpolation="bilinear")(x) if bilinear else L.UpSampling2D(2)(x)
    if hasattr(L, "Resizing"):
        x = L.Resizing(5, 6, interpolation="bilinear")(x)
        x = L.Resizing(4, 4, crop_to_aspect_ratio=True)(x)
    return Case(keras.models.Model(inputs, L.Flatten()(x)), (4, 5, 2))
