"""`import keras` and `import tensorflow` mean pykernels."""

from __future__ import annotations

import importlib
import sys
import types
from importlib.metadata import version

import keras_api
import pytest

import pykernels
from pykernels.compat import hook, tables


@pytest.fixture
def installed():
    """The hook, in this process, with nothing of a real Keras in the way."""
    stashed = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in hook._TOP_LEVEL}
    pykernels.install()
    yield
    pykernels.uninstall()
    sys.modules.update(stashed)


def run(code):
    namespace = {}
    exec(code, namespace)
    return namespace


OWN = {name: name for name in pykernels.SUBMODULES if name not in tables.NOT_OF_KERAS}


@pytest.mark.parametrize("root", [*tables.ROOTS, "keras.api", "keras._tf_keras.keras", "keras.src"])
def test_every_old_module_and_every_module_of_pykernels(installed, root):
    for alias, target in {"": "", **OWN, **tables.MODULES}.items():
        name = f"{root}.{alias}" if alias else root
        module = importlib.import_module(name)
        behind = importlib.import_module(f"pykernels.{target}" if target else "pykernels")
        assert module.__name__ == name
        for public in getattr(behind, "__all__", ()):
            if public == "__version__" or isinstance(getattr(behind, public), types.ModuleType):
                continue
            assert getattr(module, public) is getattr(behind, public), f"{name}.{public}"


@pytest.mark.parametrize(("target", "name"), [(m, n) for m, names in tables.NAMES.items() for n in names])
def test_every_name_of_the_table_resolves_or_is_a_name_of_keras(installed, target, name):
    """An alias either leads somewhere, or to a name that Keras has and pykernels lacks: never to a misspelling."""
    path = tables.NAMES[target][name]
    try:
        hook._find(path)
    except LookupError:
        module, _, attribute = path.rpartition(".")
        assert attribute in (*tables.KERAS_NAMES.get(module, "").split(), *tables.keras_names()[module])


@pytest.mark.parametrize("module", tables.KERAS_NAMES)
def test_no_name_that_exists_is_listed_as_missing(module):
    own = hook._target_module(module)
    elsewhere = tables.NAMES.get(module, {})
    there = [n for n in tables.KERAS_NAMES[module].split() if hasattr(own, n) or _leads_somewhere(elsewhere.get(n))]
    assert there == []
    assert not set(tables.KERAS_NAMES[module].split()) & set(tables.keras_names().get(module, ()))


@pytest.mark.parametrize("root", ["keras", "tensorflow.keras", "keras.api", "keras._tf_keras.keras"])
def test_every_public_name_of_keras_imports(installed, root):
    """What pykernels has is that; what it lacks raises when used, by its name."""
    for module, names in tables.keras_names().items():
        full_name = f"{root}.{module}" if module else root
        facade = importlib.import_module(full_name)
        for name in names:
            found = getattr(facade, name)
            if isinstance(found, hook._Placeholder):
                with pytest.raises(NotImplementedError, match=f"pykernels does not have '{full_name}.{name}'"):
                    found()


def test_the_table_of_names_is_that_of_the_installed_keras():
    installed = version("keras")
    if installed != tables.VERSIONS["keras"]:
        pytest.skip(f"the table is that of Keras {tables.VERSIONS['keras']}; installed is {installed}")
    assert keras_api.TABLE.read_text() == keras_api.as_text(keras_api.public_names(), installed)


def test_no_advice_is_given_for_what_exists():
    for target in tables.INSTEAD:
        module, _, name = target.rpartition(".")
        if module in tables.KERAS_NAMES and module:
            assert not hasattr(importlib.import_module(f"pykernels.{module}"), name), target


def _leads_somewhere(target):
    if target is None:
        return False
    module, _, name = target.rpartition(".")
    return hasattr(importlib.import_module(f"pykernels.{module}" if module else "pykernels"), name)


@pytest.mark.parametrize(("module", "name"), [(m, n) for m in tables.TENSORFLOW for n in tables.TENSORFLOW[m]])
def test_every_tensorflow_name_leads_somewhere(installed, module, name):
    hook._find(tables.TENSORFLOW[module][name])
    assert getattr(importlib.import_module(module), name) is not None


def test_spellings_of_all_eras(installed):
    names = run(
        "import keras\n"
        "from keras import layers, optimizers, backend as K, regularizers\n"
        "from keras.models import Sequential\n"
        "from keras.layers import Dense, Dropout, Flatten, Activation, Input\n"
        "from keras.layers.core import Dense as D2, Dropout as Dr2, Activation as A2\n"
        "from keras.layers.advanced_activations import LeakyReLU, PReLU, ELU\n"
        "from keras.utils import np_utils, to_categorical\n"
        "from keras.utils.np_utils import to_categorical as tc2\n"
        "from keras.optimizers import SGD, Adam, RMSprop, rmsprop\n"
        "from keras.datasets import mnist, fashion_mnist\n"
        "from keras.initializers import he_normal\n"
        "from tensorflow import keras as k2\n"
        "import tensorflow as tf\n"
        "from tensorflow import data as tf_data\n"
        "import tensorflow.keras.layers as L3\n"
        "from tensorflow.keras.layers import Dense as D3\n"
        "from tensorflow.keras.callbacks import EarlyStopping\n"
    )
    import pykernels.layers
    import pykernels.optimizers

    assert names["Dense"] is names["D2"] is names["D3"] is pykernels.layers.Dense
    assert names["rmsprop"] is names["RMSprop"] is pykernels.optimizers.RMSprop
    assert names["np_utils"].to_categorical is names["tc2"] is names["to_categorical"]
    assert names["tf"].keras.layers.Dense is names["Dense"]
    assert names["keras"].layers.core.Dense is names["Dense"]
    assert names["keras"].Sequential is names["Sequential"]
    assert isinstance(names["he_normal"](), pykernels.initializers.HeNormal)
    assert names["tf"].float32 == "float32" and names["tf"].newaxis is None
    assert names["tf"].data.AUTOTUNE == names["tf"].data.experimental.AUTOTUNE == names["tf_data"].AUTOTUNE == -1


def test_star_import_brings_what_works_and_no_more(installed):
    names = run("from keras.layers import *")
    assert {"Dense", "Flatten", "Activation", "Input", "Dropout"} <= set(names)
    assert not any(isinstance(value, hook._Placeholder) for value in names.values())
    assert not any(isinstance(value, types.ModuleType) for value in names.values())


def test_a_module_that_was_a_function(installed):
    names = run(
        "from keras.layers import merge, Add\n"
        "from keras.layers.merge import Concatenate\n"
        "import numpy as np\n"
        "y = merge([np.ones((2, 3), 'float32')] * 2, mode='sum')\n"
    )
    assert names["y"].tolist() == [[2.0] * 3] * 2
    assert names["Concatenate"] is pykernels.layers.Concatenate
    with pytest.raises(TypeError, match=r"'keras\.layers\.core' is not callable"):
        run("import keras.layers.core\nkeras.layers.core()")


def test_the_packages_that_keras_was_made_of(installed):
    names = run(
        "import keras_preprocessing\n"
        "from keras_preprocessing import image\n"
        "from keras_preprocessing.image import ImageDataGenerator\n"
        "from keras_applications import VGG16\n"
    )
    assert names["ImageDataGenerator"] is names["image"].ImageDataGenerator
    assert names["VGG16"] is pykernels.applications.VGG16


def test_versions(installed):
    import keras
    import tensorflow as tf

    assert keras.__version__ == f"{tables.VERSIONS['keras']}+pykernels.{pykernels.__version__}"
    assert tf.__version__.startswith("2.") and tf.keras.__version__ == keras.__version__


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("import keras.nonsense", ImportError, "pykernels does not have 'keras.nonsense'"),
        ("from keras.nonsense import x", ImportError, "pykernels does not have 'keras.nonsense'"),
        ("from keras.layers import Densse", ImportError, "'keras.layers.Densse'.*mean 'Dense'"),
        ("import keras; keras.layers.Densse", AttributeError, "'keras.layers.Densse'.*mean 'Dense'"),
        ("from keras.layers.core import Zzzzzz", ImportError, "'keras.layers.core.Zzzzzz'"),
        ("import keras.applications.nonsense", ImportError, "'keras.applications.nonsense'.*there are VGG16"),
        ("from keras.applications import InceptionV3; InceptionV3()", NotImplementedError, "InceptionV3'.*are VGG16"),
        ("import tensorflow as tf; tf.estimator", AttributeError, "only a few names"),
        ("from tensorflow.keras.layers import Densse", ImportError, "tensorflow.keras.layers.Densse"),
        ("import tensorflow.estimator", ImportError, "only a few names"),
    ],
)
def test_what_is_not_there_says_so(installed, code, error, message):
    with pytest.raises(error, match=message):
        run(code)


def test_import_of_a_missing_module_is_a_module_not_found_error(installed):
    with pytest.raises(ModuleNotFoundError):
        import keras.nonsense
    import keras

    assert not hasattr(keras, "nonsense") and not hasattr(keras.layers, "Densse")


def test_names_that_keras_has_and_pykernels_lacks_can_be_imported_but_not_used(installed, monkeypatch):
    monkeypatch.setitem(tables.KERAS_NAMES, "layers", tables.KERAS_NAMES["layers"] + " NotYet2D")
    monkeypatch.setitem(tables.INSTEAD, "layers.NotYet2D", "use Dense")
    names = run("from keras.layers import NotYet2D")
    for use in ("NotYet2D(3)", "NotYet2D.something", "class Mine(NotYet2D): pass"):
        with pytest.raises(NotImplementedError, match=r"does not have 'keras.layers.NotYet2D'. Instead: use Dense."):
            exec(use, names)
    assert not isinstance(3, names["NotYet2D"])


def test_a_real_keras_is_not_reached_and_comes_back(tmp_path, monkeypatch, installed):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("real = True\n")
    (tmp_path / "keras" / "extra.py").write_text("real = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import keras

    assert not hasattr(keras, "real")
    with pytest.raises(ImportError, match=r"keras\.extra"):
        import keras.extra
    pykernels.uninstall()
    assert "keras" not in sys.modules
    assert run("import keras.extra")["keras"].real
    for name in ("keras", "keras.extra"):
        del sys.modules[name]


def test_install_twice_and_uninstall_twice(installed):
    pykernels.install()
    assert sys.meta_path.count(hook._finder) == 1 and hook.is_installed()
    pykernels.uninstall()
    pykernels.uninstall()
    assert not hook.is_installed()


def test_install_after_import_keras_is_refused(installed, monkeypatch):
    pykernels.uninstall()
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    with pytest.raises(ImportError, match="must come before 'import keras'"):
        pykernels.install()
    assert not hook.is_installed()


def test_other_imports_are_left_alone(installed):
    assert hook._finder.find_spec("kerastuner") is None
    assert hook._finder.find_spec("json") is None
    assert "pykernels.layers" in repr(importlib.import_module("keras.layers"))


def test_old_arguments_reach_layers_optimizers_and_fit(installed):
    import numpy as np
    from keras.layers.core import Dense
    from keras.models import Sequential
    from keras.optimizers import SGD

    model = Sequential()
    model.add(Dense(output_dim=3, input_dim=4, init="normal", activation="softmax"))
    optimizer = SGD(lr=0.25, decay=0.0, momentum=0.9, nesterov=True)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    assert float(model.optimizer.lr) == float(model.optimizer.learning_rate) == 0.25
    x, y = np.ones((8, 4), "float32"), np.eye(3, dtype="float32")[np.arange(8) % 3]
    history = model.fit(x, y, nb_epoch=2, batch_size=4, verbose=0)
    assert history.history["acc"] == history.history["accuracy"] and len(history.history["acc"]) == 2
