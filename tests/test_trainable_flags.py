"""`trainable` that changes after `compile`: which variables are trained, as in the scripts of each era."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import pykernels as pk

RNG = np.random.default_rng(0)
REAL, NOISE = RNG.random((8, 4)).astype("float32"), RNG.random((8, 2)).astype("float32")
ONES, ZEROS = np.ones((8, 1), "float32"), np.zeros((8, 1), "float32")


def stack(library, *widths, last=None, batch_normalization=False, **options):
    model = [library.Input((widths[0],))]
    for i, width in enumerate(widths[1:], 2):
        model.append(library.layers.Dense(width, activation=last if i == len(widths) else "relu", **options))
        if batch_normalization and i < len(widths):
            model.append(library.layers.BatchNormalization())
    return library.Sequential(model)


def set_same(models):
    rng = np.random.default_rng(1)
    for model in models:
        model.set_weights([rng.normal(0, 0.5, w.shape) ** 2 for w in model.get_weights()])


def changed(model, before):
    return [not np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)]


class Gan:
    """A generative adversarial network as scripts of Keras 1 and 2 have it: the discriminator is compiled, then frozen
    for the model that trains the generator."""

    def __init__(self, library, batch_normalization=True):
        self.discriminator = stack(library, 4, 8, 1, last="sigmoid", batch_normalization=batch_normalization)
        self.discriminator.compile(library.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
        self.generator = stack(library, 2, 8, 4)
        set_same([self.discriminator, self.generator])
        self.discriminator.trainable = False
        noise = library.Input((2,))
        self.combined = library.Model(noise, self.discriminator(self.generator(noise)))
        self.combined.compile(library.optimizers.SGD(0.1), "binary_crossentropy")

    def step(self, toggle):
        """One step of both. With `toggle` flags are set before each, as Keras 3 has to have it."""
        if toggle:
            self.discriminator.trainable = True
        fake = self.generator.predict(NOISE, verbose=0)
        losses = [self.discriminator.train_on_batch(REAL, ONES)[0], self.discriminator.train_on_batch(fake, ZEROS)[0]]
        if toggle:
            self.discriminator.trainable = False
        return [*losses, self.combined.train_on_batch(NOISE, ONES)]


@pytest.mark.parametrize("toggle", [False, True], ids=["Keras 1 and 2", "Keras 3"])
def test_a_gan_is_trained_as_by_keras(toggle):
    """The script of Keras 1 and 2, and the one that sets the flags each time, give what the latter gives in Keras 3."""
    keras = pytest.importorskip("keras")
    ours, theirs = Gan(pk), Gan(keras)
    for _ in range(4):
        np.testing.assert_allclose(ours.step(toggle), theirs.step(True), rtol=1e-4)
    for name in ("discriminator", "generator"):
        for a, b in zip(getattr(ours, name).get_weights(), getattr(theirs, name).get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_discriminator_left_trainable_stays_frozen_in_the_other_model():
    """Scripts set it back to True to silence the warning of Keras 2, where that changed nothing else."""
    gan = Gan(pk)
    gan.discriminator.trainable = True
    before = gan.discriminator.get_weights()
    with pytest.warns(UserWarning, match="will be trained after another compile"):
        gan.combined.train_on_batch(NOISE, ONES)
    assert not any(changed(gan.discriminator, before))


def test_two_models_that_freeze_each_other():
    """As in Wasserstein GANs with gradient penalty: each model is compiled with the other's part frozen."""
    a, b = stack(pk, 4, 4), stack(pk, 4, 4)
    inputs = pk.Input((4,))
    first = pk.Model(inputs, b(a(inputs)))
    b.trainable = False
    first.compile("sgd", "mse")
    a.trainable, b.trainable = False, True
    second = pk.Model(inputs, b(a(inputs)))
    second.compile("sgd", "mse")
    for model, trained, other in ((first, a, b), (second, b, a), (first, a, b)):
        before, untouched = trained.get_weights(), other.get_weights()
        model.train_on_batch(REAL, REAL)
        assert all(changed(trained, before))
        assert not any(changed(other, untouched))


def test_flags_that_change_each_step_do_not_record_steps_anew(monkeypatch):
    from pykernels.training import step_programs

    recorded = []
    plain = step_programs.record
    monkeypatch.setattr(step_programs, "record", lambda *args: recorded.append(args[1]) or plain(*args))
    gan = Gan(pk)
    for _ in range(3):
        gan.step(toggle=True)
    assert sorted(recorded) == ["predict", "train", "train"]


def test_batch_normalization_of_a_frozen_discriminator_that_is_trained():
    gan = Gan(pk)
    moments = gan.discriminator.layers[1].get_weights()[2:]
    gan.discriminator.train_on_batch(REAL, ONES)
    new = gan.discriminator.layers[1].get_weights()[2:]
    assert not any(np.array_equal(a, b) for a, b in zip(moments, new, strict=True))
    gan.combined.train_on_batch(NOISE, ONES)
    for a, b in zip(new, gan.discriminator.layers[1].get_weights()[2:], strict=True):
        np.testing.assert_array_equal(a, b)


def fit(model):
    before = model.get_weights()
    model.fit(REAL, ONES, verbose=0)
    return changed(model, before)


def test_freezing_takes_effect_at_once_and_unfreezing_after_compile():
    model = stack(pk, 4, 3, 1)
    first = model.layers[0]
    model.compile("sgd", "mse")
    first.trainable = False
    with pytest.warns(
        UserWarning, match=r"\['dense.*'\] has changed since the model was compiled. It takes effect now"
    ):
        assert fit(model) == [False, False, True, True]
    first.trainable = True  # as it was compiled
    assert all(fit(model))
    first.trainable = False
    model.compile("sgd", "mse")
    assert fit(model) == [False, False, True, True]
    first.trainable = True
    with pytest.warns(UserWarning, match=r"\['dense.*'\] will be trained after another compile"):
        assert fit(model) == [False, False, True, True]
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(fit(model))


def test_each_change_is_told_once():
    model = stack(pk, 4, 3, 1)
    model.compile("sgd", "mse")
    model.layers[0].trainable = False
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            model.fit(REAL, ONES, verbose=0)
            model.train_on_batch(REAL, ONES)
    assert len(told) == 1


def test_nothing_left_to_train():
    model = stack(pk, 4, 3, 1)
    model.compile("sgd", "mse")
    model.trainable = False
    with pytest.warns(UserWarning, match="training goes on as it was compiled"):
        assert all(fit(model))
    assert model.trainable_variables == []  # what the flags say is unchanged
    assert not model.layers[0].trainable


@pytest.mark.filterwarnings("ignore")
def test_layers_that_are_built_after_compile():
    model = pk.Sequential([pk.layers.Dense(3), pk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.trainable = False
    assert model.predict(REAL, verbose=0).shape == (8, 1)
    assert all(fit(model))
    model = pk.Sequential([pk.layers.Dense(3, trainable=False), pk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.build((None, 4))
    assert fit(model) == [False, False, True, True]


@pytest.mark.filterwarnings("ignore")
def test_single_variables():
    model = stack(pk, 4, 3, 1)
    model.layers[0].bias.trainable = False
    model.compile("sgd", "mse")
    model.trainable = False
    assert fit(model) == [True, False, True, True]


def test_frozen_at_compile():
    model = stack(pk, 4, 3, 1)
    model.trainable = False
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        assert not any(fit(model))


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda model: pickle.loads(pickle.dumps(model))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", COPIES)
def test_copies(how):
    model = stack(pk, 4, 3, 1)
    model.compile("sgd", "mse")
    model.layers[0].trainable = False
    twin = COPIES[how](model)
    assert fit(twin) == [False, False, True, True]
    twin.trainable = False
    assert all(fit(twin))


def test_make_train_function_takes_the_flags_of_now():
    model = stack(pk, 4, 3, 1)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    model.layers[0].trainable = True
    model.make_train_function(force=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(fit(model))


def test_a_base_that_was_called_for_inference_stays_in_it():
    """Keras's guide to transfer learning promises it; Keras 3.15 lets the outer `training=True` win."""
    base = stack(pk, 4, 3, 3, batch_normalization=True)
    inputs = pk.Input((4,))
    model = pk.Model(inputs, pk.layers.Dense(1)(base(inputs, training=False)))
    base.trainable = False
    base.trainable = True
    model.compile("sgd", "mse")
    before = base.get_weights()
    model.fit(REAL, ONES, verbose=0)
    moved = {w.name for w, a in zip(base.weights, before, strict=True) if not np.array_equal(w.numpy(), a)}
    assert moved == {"kernel", "bias", "gamma", "beta"}
