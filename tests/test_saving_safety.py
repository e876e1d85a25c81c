"""Files that were made to do harm, are damaged, or cannot be written."""

from __future__ import annotations

import base64
import errno
import fcntl
import io
import json
import marshal
import os
import pathlib
import resource
import signal
import subprocess
import sys
import warnings
import zipfile

import h5py
import mutations
import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, models
from pykernels.utils import serialization
from pykernels.utils.atomic import atomic_write

HERE = pathlib.Path(__file__).parent


def small(**kwargs):
    return pk.Sequential([pk.Input((4,)), layers.Dense(3, name="d"), layers.Dense(2, name="e")], **kwargs)


def saved(tmp_path, ending="keras", compiled=True):
    model = small()
    if compiled:
        model.compile("adam", "mse")
        model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    path = tmp_path / f"m.{ending}"
    (model.save if "weights" not in ending else model.save_weights)(path)
    return model, path


def rezip(path, change):
    """The archive with `change(name, data)` for each member; a member for which it gives None is dropped."""
    with zipfile.ZipFile(path) as old:
        members = [(info.filename, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members:
            data = change(name, data)
            if data is not None:
                new.writestr(name, data)


def with_config(path, edit):
    """Edits the configuration in a `.keras` or `.h5` file, or gives that of a JSON string."""
    if path.suffix == ".keras":

        def change(name, data):
            if name != "config.json":
                return data
            config = json.loads(data)
            edit(config)
            return json.dumps(config)

        rezip(path, change)
    else:
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            edit(config)
            file.attrs["model_config"] = json.dumps(config)


def layers_of(config):
    return config["config"]["layers"]


PROOF = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"pykernels_proof_{os.getpid()}"


@pytest.fixture(autouse=True)
def nothing_ran():
    yield
    assert not PROOF.exists()


def evil_lambda(legacy=False):
    """A Lambda layer whose bytecode leaves a proof behind."""
    code = base64.encodebytes(marshal.dumps(compile(f"open({str(PROOF)!r}, 'w').close()", "x", "exec"))).decode()
    if legacy:
        return {
            "class_name": "Lambda",
            "config": {"name": "l", "function": [code, None, None], "function_type": "lambda"},
        }
    function = {"class_name": "__lambda__", "config": {"value": {"code": code, "defaults": None, "closure": None}}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": function}}


# --- the published vulnerabilities of loading ---------------------------------------------------------------------
@pytest.mark.parametrize("ending", ["keras", "h5", "json"])
def test_cve_2024_3660_lambda_bytecode(tmp_path, ending):
    """Bytecode of a Lambda layer ran on loading."""
    if ending == "json":
        config = json.loads(small().to_json())
        layers_of(config).append(evil_lambda())
        with pytest.raises(ValueError, match="lambda"):
            models.model_from_json(json.dumps(config))
        return
    _, path = saved(tmp_path, ending)
    with_config(path, lambda c: layers_of(c).append(evil_lambda(ending == "h5")))
    with pytest.raises(ValueError, match="bytecode of a lambda"):
        models.load_model(path)
    with pytest.raises(ValueError, match="bytecode of a lambda"):
        models.load_model(path, compile=False)


@pytest.mark.parametrize("module", ["os", "subprocess", "builtins", "keras.src.utils.python_utils", "pykernels.models"])
def test_cve_2025_1550_named_modules(tmp_path, module):
    """The configuration named any module and function to import and call."""
    _, path = saved(tmp_path)
    layer = {
        "module": module,
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
        "build_config": {"input_shape": [None]},
        "inbound_nodes": [{"args": ["touch " + str(PROOF)], "kwargs": {}}],
    }
    for kind in ({**layer}, {**layer, "class_name": "system", "config": {"command": f"touch {PROOF}"}}):
        with_config(path, lambda c, kind=kind: layers_of(c).__setitem__(slice(2, None), [kind]))
        with pytest.raises(TypeError, match="Could not locate"):
            models.load_model(path, safe_mode=False)  # under no option


def test_importing_is_not_done(tmp_path):
    (tmp_path / "evil_module.py").write_text(f"open({str(PROOF)!r}, 'w').close()\nclass Evil: pass\n")
    sys.path.insert(0, str(tmp_path))
    try:
        for module in ("evil_module", "keras.evil_module", "pykernels.evil_module"):
            config = {"module": module, "class_name": "Evil", "config": {}, "registered_name": "Evil"}
            with pytest.raises(TypeError, match="Could not locate class 'Evil'"):
                serialization.deserialize_keras_object(config)
    finally:
        sys.path.remove(str(tmp_path))
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.utils", "get_file"),
        ("keras.saving", "load_model"),
        ("keras.models", "load_model"),
        ("keras.config", "enable_unsafe_deserialization"),  # CVE-2025-9906
        ("keras.utils", "set_random_seed"),
        ("keras.src.backend.common.global_state", "set_global_attribute"),
        ("builtins", "get_file"),
    ],
)
def test_cve_2025_8747_and_9906_own_functions(tmp_path, module, name):
    """Functions within Keras itself were called: downloads, loading without safe mode, switching safe mode off."""
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    arguments = {"origin": f"file://{HERE}/conftest.py", "cache_dir": str(tmp_path), "filepath": "/tmp/x"}
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "l", "function": function, "arguments": arguments},
    }
    for ending in ("keras", "h5"):
        _, path = saved(tmp_path, ending)
        with_config(path, lambda c: layers_of(c).append(layer))
        with pytest.raises(TypeError, match="Could not locate function"):
            models.load_model(path)
        with_config(path, lambda c: layers_of(c).__setitem__(-1, {**function, "class_name": name, "config": arguments}))
        with pytest.raises(TypeError, match=r"Could not locate|could not be deserialized"):
            models.load_model(path)
    assert serialization.in_safe_mode()
    assert sorted(os.listdir(tmp_path)) == ["m.h5", "m.keras"]


def test_cve_2025_9905_safe_mode_of_h5(tmp_path):
    """`safe_mode` was ignored for `.h5` files."""
    _, path = saved(tmp_path, "h5")
    with_config(path, lambda c: layers_of(c).append(evil_lambda(legacy=True)))
    for safe_mode in (True, None, 1):
        with pytest.raises(ValueError, match="bytecode of a lambda"):
            if safe_mode is None:
                models.load_model(path)
            else:
                models.load_model(path, safe_mode=safe_mode)


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_cve_2025_12058_vocabulary_files(tmp_path, name):
    """A vocabulary named in the configuration was read from any file or URL."""
    _, path = saved(tmp_path)
    layer = {"module": "keras.layers", "class_name": name, "config": {"name": "v", "vocabulary": "/etc/passwd"}}
    with_config(path, lambda c: layers_of(c).insert(1, layer))
    with pytest.raises(ValueError, match=r"'v'.* names a vocabulary file outside of the model's own file"):
        models.load_model(path)


# CVE-2025-12060 and CVE-2025-12638 (archives of get_file): tests/test_saving_get_file.py


def test_lambda_of_a_trusted_file(tmp_path):
    code = (lambda x: x * 2.0).__code__
    text = base64.encodebytes(marshal.dumps(code)).decode()
    for ending, legacy in (("keras", False), ("h5", True)):
        model, path = saved(tmp_path, ending, compiled=False)
        layer = evil_lambda(legacy)
        if legacy:
            layer["config"]["function"][0] = text
        else:
            layer["config"]["function"]["config"]["value"]["code"] = text
        with_config(path, lambda c, layer=layer: layers_of(c).append(layer))
        loaded = models.load_model(path, safe_mode=False, compile=False)
        x = np.ones((2, 4), "float32")
        np.testing.assert_allclose(loaded.predict(x, verbose=0), 2 * model.predict(x, verbose=0), rtol=1e-6)


# --- HDF5 and ZIP ------------------------------------------------------------------------------------------------
def make_external(file, tmp_path):
    file["layers/dense/vars"]["0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")


def make_soft(file, tmp_path):
    file["layers/dense/vars"]["0"] = h5py.SoftLink("/layers/dense_1/vars/0")


def make_storage(file, tmp_path):
    (tmp_path / "raw.bin").write_bytes(b"secret" * 8)
    external = [(str(tmp_path / "raw.bin"), 0, 48)]
    file["layers/dense/vars"].create_dataset("0", (4, 3), "float32", external=external)


def make_virtual(file, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones((4, 3), "float32")
    layout = h5py.VirtualLayout((4, 3), "float32")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (4, 3))
    file["layers/dense/vars"].create_virtual_dataset("0", layout)


@pytest.mark.parametrize("make", [make_external, make_soft, make_storage, make_virtual])
def test_links_and_data_elsewhere(tmp_path, make):
    model, path = saved(tmp_path, "weights.h5")
    before = model.get_weights()
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        make(file, tmp_path)
    with pytest.raises(ValueError, match="refused"):
        model.load_weights(path)
    for have, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(have, want)


def test_claimed_sizes(tmp_path):
    """A tensor of 1e12 elements, and a layer of 2e9 units, are refused before anything is allocated."""
    model, path = saved(tmp_path, "weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", (10**6, 10**6), "float32", chunks=(100, 100), compression="gzip")
    with pytest.raises(ValueError, match=r"1000000, 1000000"):
        model.load_weights(path)
    for ending in ("keras", "h5"):
        _, path = saved(tmp_path, ending)
        with_config(path, lambda c: layers_of(c)[1]["config"].__setitem__("units", 2 * 10**9))
        with pytest.raises(ValueError, match="damaged or was made to do harm"):
            models.load_model(path)
    config = json.loads(small().to_json())
    layers_of(config)[1]["config"]["units"] = 2 * 10**9
    with pytest.raises(ValueError, match="fit into this computer"):
        models.model_from_json(json.dumps(config))


class ReadsNothing(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(1 << 20, 2), name="w")

    def call(self, x):
        return x

    def load_own_variables(self, store):
        pass


def test_large_variables_that_a_layer_does_not_read_are_zeros(tmp_path):
    """Their memory is not written while the model is made, and must not show what was there before."""
    model = pk.Sequential([pk.Input((4,)), ReadsNothing(name="r"), layers.Dense(3)])
    model.save(tmp_path / "m.keras")
    kept = [np.full(1 << 21, 3.0, "float32") for _ in range(4)]
    del kept
    loaded = models.load_model(tmp_path / "m.keras", custom_objects={"ReadsNothing": ReadsNothing})
    assert not loaded.layers[0].w.numpy().any()
    np.testing.assert_array_equal(loaded.layers[1].kernel.numpy(), model.layers[1].kernel.numpy())


def test_zip_members(tmp_path):
    model, path = saved(tmp_path)
    good = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match="two members"):
        models.load_model(path)
    path.write_bytes(good)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil", "x")
        archive.writestr("assets/words.txt", "x")
    models.load_model(path)  # never extracted
    assert sorted(os.listdir(tmp_path)) == ["m.keras"]
    for missing in ("config.json", "model.weights.h5"):
        path.write_bytes(good)
        rezip(path, lambda name, data, missing=missing: None if name == missing else data)
        with pytest.raises(ValueError, match=rf"it has no '{missing}'"):
            models.load_model(path)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(json.loads(model.to_json())))
        archive.writestr("model.weights.h5", b"\0" * (1 << 26))
    path.write_bytes(bomb.getvalue())
    with pytest.raises(ValueError, match="decompression bomb"):
        models.load_model(path)


def test_checksum_of_the_weights(tmp_path):
    model, path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.find(model.get_weights()[0].tobytes())
    data[at + 1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match="checksum"):
        models.load_model(path)
    before = model.get_weights()
    with pytest.raises(OSError, match="checksum"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5"])
def test_cut_files(tmp_path, ending):
    """A file that ends too early is refused by name, wherever it was cut."""
    model, path = saved(tmp_path, ending)
    data = path.read_bytes()
    for size in [*range(0, 200, 7), *range(200, len(data), len(data) // 40), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises((OSError, ValueError), match=rf"m\.{ending}"):
            models.load_model(path) if ending != "weights.h5" else model.load_weights(path)


def test_nesting_and_json(tmp_path):
    for config in (
        "[" * 100_000,
        '{"class_name": "Sequential", "config": ' * 5000,
        "nonsense",
        "[]",
        "3",
        '"Dense"',
        "",
    ):
        with pytest.raises((ValueError, TypeError)):
            models.model_from_json(config)
    config = {"class_name": "Dense", "config": {"units": 2, "name": "d"}}
    for _ in range(500):
        config = {"class_name": "Sequential", "config": [config]}
    with pytest.raises((ValueError, RecursionError), match=r"deep|recursion"):
        models.model_from_json(json.dumps(config))


def test_not_models(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"hello world, this is no model")
    with pytest.raises(ValueError, match=r"a\.keras is neither"):
        models.load_model(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="SavedModel"):
        models.load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        models.load_model(tmp_path / "none.keras")
    _, path = saved(tmp_path, "weights.h5")
    with pytest.raises(ValueError, match="holds weights only"):
        models.load_model(path)
    with pytest.raises(ValueError, match="save_weights"):
        small().save(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match="Unknown `save_format`"):
        small().save(tmp_path / "folder", save_format="onnx")


# --- writing ------------------------------------------------------------------------------------------------------
def test_atomic_write(tmp_path):
    path = tmp_path / "ä file"
    with atomic_write(path) as file:
        file.write(b"1")
        assert os.listdir(tmp_path) in ([], [n for n in os.listdir(tmp_path) if n.endswith(".tmp")])
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"2")
        raise RuntimeError
    assert path.read_bytes() == b"1"
    with pytest.raises(FileExistsError), atomic_write(path, overwrite=False):
        pass
    with pytest.raises(FileNotFoundError, match=r"os\.makedirs"), atomic_write(tmp_path / "no" / "x"):
        pass
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path):
        pass
    link = tmp_path / "link"
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write(b"3")
    assert link.is_symlink()
    assert path.read_bytes() == b"3"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert sorted(os.listdir(tmp_path)) == sorted(["link", "ä file"])


def test_what_a_killed_writer_left_is_removed(tmp_path):
    """Of the same file only, and not what a living process writes."""
    path, dead = tmp_path / "m.keras", tmp_path / ".m.keras.0123456789ab.tmp"
    others = [".m.keras.0123456789a.tmp", ".n.keras.0123456789ab.tmp", ".m.keras.0123456789xy.tmp"]
    for name in (dead.name, *others):
        (tmp_path / name).write_bytes(b"half")
    held = tmp_path / ".m.keras.ba9876543210.tmp"
    with open(held, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"half")
        file.flush()
        with atomic_write(path) as new:
            new.write(b"whole")
        assert sorted(os.listdir(tmp_path)) == sorted([path.name, held.name, *others])
    with atomic_write(path) as new:
        new.write(b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *others])


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5"])
def test_full_disk(tmp_path, ending):
    """Files may not grow beyond 20 kB: the error says why, the old file is whole, nothing else is left."""
    _, path = saved(tmp_path, ending)
    before = path.read_bytes()
    large = pk.Sequential([pk.Input((100,)), layers.Dense(300)])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(OSError, match=rf"m\.{ending} cannot be written") as info:
            (large.save_weights if ending == "weights.h5" else large.save)(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert info.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    _, path = saved(tmp_path)
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="cannot be written"):
            small().save(path)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before


# --- many ---------------------------------------------------------------------------------------------------------
def test_mutated_files():
    """A short run of the fuzz program; PYKERNELS_FUZZ_FILES=200000 for the long one."""
    count = os.environ.get("PYKERNELS_FUZZ_FILES", "400")
    env = {**os.environ, "PYTHONPATH": str(pathlib.Path(pk.__file__).parents[1])}
    command = [sys.executable, str(HERE / "fuzz" / "fuzz_files.py"), "--count", count]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_fuzz_program_changes_files():
    import random

    data = bytes(range(256)) * 4
    changed = sum(mutations.mutate_bytes(random.Random(i), data, [data]) != data for i in range(100))
    assert changed > 90
