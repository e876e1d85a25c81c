import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from pykernels import initializers, ops, utils  # noqa: E402
from pykernels.graph import Variable  # noqa: E402

SEEDED = {
    "RandomUniform": {"minval": -2.0, "maxval": 3.0},
    "RandomNormal": {"mean": 1.0, "stddev": 2.0},
    "TruncatedNormal": {"mean": 1.0, "stddev": 2.0},
    "VarianceScaling": {"scale": 0.5, "mode": "fan_out", "distribution": "untruncated_normal"},
    "GlorotUniform": {},
    "GlorotNormal": {},
    "HeUniform": {},
    "HeNormal": {},
    "LecunUniform": {},
    "LecunNormal": {},
    "Orthogonal": {"gain": 2.0},
}
PLAIN = {"Zeros": {}, "Ones": {}, "Constant": {"value": 3.5}, "Identity": {"gain": 2.0}}
ALIASES = """
    zeros zero Zeros ones one Ones constant Constant identity Identity IdentityInitializer uniform
    random_uniform RandomUniform normal random_normal truncated_normal variance_scaling glorot_uniform
    glorot_normal he_normal he_uniform lecun_normal lecun_uniform orthogonal Orthogonal OrthogonalInitializer
"""


@pytest.mark.parametrize("alias", ALIASES.split())
def test_names_of_all_eras(alias):
    try:
        theirs = keras.initializers.get(alias)
    except KeyError:  # Keras 3.15 finds no value for "constant"
        theirs = keras.initializers.Constant()
    assert type(initializers.get(alias)).__name__ == type(theirs).__name__


def test_module_has_the_names_of_keras():
    absent = {"STFT", "stft", "STFTInitializer"}
    theirs = {name for name in dir(keras.initializers) if not name.startswith("_")}
    assert theirs - absent <= set(dir(initializers))


@pytest.mark.parametrize(("name", "options"), [*SEEDED.items(), *PLAIN.items()])
def test_config_and_serialization(name, options):
    seed = {"seed": 7} if name in SEEDED else {}
    ours = getattr(initializers, name)(**options, **seed)
    theirs = getattr(keras.initializers, name)(**options, **seed)
    config = options if name == "Identity" else theirs.get_config()  # Keras 3.15 loses the gain of Identity
    assert ours.get_config() == config
    form = initializers.serialize(ours)
    assert form == {**keras.initializers.serialize(theirs), "config": config}
    again = initializers.deserialize(form)
    assert type(again) is type(ours)
    np.testing.assert_array_equal(again((4, 4)), ours((4, 4)))
    assert keras.initializers.deserialize(form).get_config() == theirs.get_config()
    assert type(ours.clone()) is type(ours)


@pytest.mark.parametrize("name", SEEDED)
def test_unseeded_config_has_no_seed(name):
    assert getattr(initializers, name)().get_config() == getattr(keras.initializers, name)().get_config()


@pytest.mark.parametrize(("name", "options"), PLAIN.items())
@pytest.mark.parametrize("dtype", [None, "float32", "float64", "int32"])
def test_plain_values(name, options, dtype):
    if name in ("Constant", "Identity") and dtype == "int32":
        options = dict.fromkeys(options, 2)
    ours = getattr(initializers, name)(**options)((3, 5), dtype=dtype)
    keras_dtype = "float32" if dtype == "float64" else dtype  # JAX has no float64 here
    theirs = np.asarray(getattr(keras.initializers, name)(**options)((3, 5), dtype=keras_dtype))
    assert ours.dtype.name == (dtype or "float32")
    np.testing.assert_array_equal(ours, theirs)


def test_constant_takes_an_array():
    value = [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(initializers.Constant(value)((2, 3)), np.broadcast_to(value, (2, 3)))


@pytest.mark.parametrize("shape", [(400, 300), (3, 3, 40, 80), (300,)])
@pytest.mark.parametrize("name", [n for n in SEEDED if n != "Orthogonal"])
def test_distribution_is_that_of_keras(name, shape):
    """Mean, deviation and extremes agree with Keras's draws; both are samples, so within a few standard errors."""
    options = SEEDED[name]
    ours = getattr(initializers, name)(**options, seed=1)(shape)
    theirs = np.asarray(getattr(keras.initializers, name)(**options, seed=2)(shape))
    assert ours.dtype == np.float32 and ours.shape == shape
    deviation, error = theirs.std(), theirs.std() / np.sqrt(theirs.size)
    assert abs(ours.mean() - theirs.mean()) < 8 * error
    assert abs(ours.std() / deviation - 1) < 8 / np.sqrt(theirs.size)
    if "Uniform" in name or "Truncated" in name or name in ("GlorotNormal", "HeNormal", "LecunNormal"):
        assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < (0.05 if theirs.size > 1000 else 0.2)


def test_fans_by_axes():
    shape = (30, 7, 50)
    ours = initializers.GlorotUniform(seed=1, input_axes=(0,), output_axes=(1, 2))(shape)
    limit = np.sqrt(6 / (30 + 350))
    assert 0.99 * limit < np.abs(ours).max() <= limit


@pytest.mark.parametrize("name", SEEDED)
def test_seed_decides(name):
    make = getattr(initializers, name)
    first = make(seed=3)
    np.testing.assert_array_equal(first((5, 6)), make(seed=3)((5, 6)))
    np.testing.assert_array_equal(first((5, 6)), first((5, 6)))
    assert not np.array_equal(first((5, 6)), make(seed=4)((5, 6)))
    assert not np.array_equal(make()((5, 6)), make()((5, 6)))


def test_global_seeds():
    def draw():
        return [initializers.GlorotUniform()((3, 4)) for _ in range(2)]

    utils.set_random_seed(5)
    a = draw()
    utils.set_random_seed(5)
    b = draw()
    np.testing.assert_array_equal(a, b)
    np.random.seed(6)
    c = draw()
    expected = np.random.rand(3)
    utils.set_random_seed(5)
    np.random.seed(6)
    d = draw()
    np.testing.assert_array_equal(c, d)
    np.testing.assert_array_equal(np.random.rand(3), expected)
    np.random.seed(6)
    np.testing.assert_array_equal(np.random.rand(3), expected)  # drawing weights does not advance NumPy's generator


def test_seed_generator_advances():
    seed = ops.random.SeedGenerator(1)
    make = initializers.RandomNormal(seed=seed)
    assert not np.array_equal(make((4,)), make((4,)))


@pytest.mark.parametrize("shape", [(6, 6), (150, 70), (70, 150), (3, 3, 5, 20), (4, 1), (1, 4)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=1.5, seed=0)(shape, dtype="float64").reshape(-1, shape[-1])
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, 2.25 * np.eye(len(product)), atol=1e-12)
    assert initializers.Orthogonal(seed=0)(shape).dtype == np.float32


@pytest.mark.parametrize(
    "bad",
    [
        lambda k: k.VarianceScaling(scale=0.0),
        lambda k: k.VarianceScaling(mode="fan"),
        lambda k: k.VarianceScaling(distribution="cauchy"),
        lambda k: k.Orthogonal()((3,)),
        lambda k: k.Identity()((3, 3, 3)),
        lambda k: k.GlorotUniform(seed="a"),
        lambda k: k.get("glorot"),
        lambda k: k.get(3),
        lambda k: k.get({"class_name": "Foo", "config": {}}),
        lambda k: k.deserialize({"class_name": "GlorotUniform", "config": {"spread": 1}}),
        lambda k: k.get(np.ones((2, 2)))((3, 3)),
        lambda k: k.Initializer()((3,)),
    ],
)
def test_errors_are_of_the_types_of_keras(bad):
    with pytest.raises(Exception) as theirs:
        bad(keras.initializers)
    with pytest.raises(theirs.type) as ours:
        bad(initializers)
    assert ours.type is theirs.type


def test_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'glorot_uniform'"):
        initializers.get("glorot_unifrom")


def test_get_takes_everything():
    assert initializers.get(None) is None
    instance = initializers.HeNormal()
    assert initializers.get(instance) is instance
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    assert initializers.get({"class_name": "Constant", "config": {"value": 2.0}}).value == 2.0

    def mine(shape, dtype=None):
        return np.full(shape, 7.0, dtype)

    assert initializers.get(mine) is mine
    np.testing.assert_array_equal(initializers.get(np.arange(6.0).reshape(2, 3))((2, 3)), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(initializers.get(Variable(np.ones(2, "float32")))((2,)), [1, 1])


def test_user_class_by_registration():
    @utils.register_keras_serializable("mine")
    class Sevens(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 7, dtype or "float32")

    form = initializers.serialize(Sevens())
    assert form["registered_name"] == "mine>Sevens"
    assert isinstance(initializers.get(form), Sevens)
    with utils.custom_object_scope({"Eights": Sevens}):
        assert isinstance(initializers.get("Eights"), Sevens)
    with pytest.raises(ValueError, match="Eights"):
        initializers.get("Eights")


def test_the_functions_of_keras_1():
    from pykernels import initializations

    assert np.abs(initializations.uniform((50, 20), scale=0.1, name="w").numpy()).max() <= 0.1
    assert initializations.uniform((50, 20), scale=0.1, name="w").name == "w"
    assert np.abs(initializations.uniform((50, 20), scale=0.1).numpy()).max() > 0.08
    assert 0.8 < initializations.normal((50, 20), scale=1.0).numpy().std() < 1.2
    q = initializations.orthogonal((4, 4), scale=2.0).numpy()
    np.testing.assert_allclose(q @ q.T, 4 * np.eye(4), atol=1e-5)
    assert initializations.identity((2, 2), scale=3).numpy().tolist() == [[3, 0], [0, 3]]
    assert initializations.zero((2,)).numpy().tolist() == [0, 0] and initializations.one((2,)).numpy().tolist() == [
        1,
        1,
    ]
    limit = np.sqrt(6 / 70)
    assert 0.9 * limit < np.abs(initializations.glorot_uniform((50, 20)).numpy()).max() <= limit
    with pytest.raises(ValueError, match="'tf'"):
        initializations.he_normal((3, 3, 2, 2), dim_ordering="th")
    assert initializations.get("he_normal").__class__ is initializers.HeNormal


def test_functions_of_the_shape_alone():
    """Keras 1 called `init(shape, name=...)`; what it gives may be a variable."""
    from pykernels import initializations, layers

    def own(shape, name=None):
        return initializations.normal(shape, scale=1.0, name=name)

    layer = layers.Dense(3, init=own)
    layer.build((None, 2))
    assert layer.kernel.shape == (2, 3) and layer.kernel.numpy().std() > 0
    assert initializers.get(lambda shape: np.ones(shape))((2,), "float64").dtype == np.float64
