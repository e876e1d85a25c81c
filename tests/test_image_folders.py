"""Photo folders in fit, evaluate and predict: workers, cache, odd folders, and everything that can go wrong."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings

import numpy as np
import pytest
from image_folders import picture, write_awkward, write_classes
from PIL import Image

import pykernels as pk
from pykernels import layers
from pykernels.data_adapters.prefetch import PrefetchOptions, batches_of
from pykernels.preprocessing import image, pixels
from pykernels.utils.prefetcher import OrderedPrefetcher

SIZE = (12, 10)
EVERYTHING = {"rotation_range": 30, "zoom_range": 0.2, "horizontal_flip": True, "channel_shift_range": 20.0}


@pytest.fixture
def folder(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 9, "dog": 8, "ice cream": 6})
    return tmp_path / "photos"


def flow(folder, options=None, **more):
    generator = image.ImageDataGenerator(**(options or {"rescale": 1 / 255}))
    return generator.flow_from_directory(folder, **{"target_size": SIZE, "batch_size": 5, **more})


def model(classes=3):
    pk.utils.set_random_seed(1)
    made = pk.Sequential([layers.Input((*SIZE, 3)), layers.Flatten(), layers.Dense(classes, activation="softmax")])
    made.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return made


# --- workers --------------------------------------------------------------------------------------------------------
def passes(source, workers, count=3, **loading):
    """All batches of some passes, as fit takes them."""
    np.random.seed(7)
    found = []
    for _ in range(count):
        found += list(batches_of(source, range(len(source)), PrefetchOptions(workers, **loading)))
        source.on_epoch_end()
    return found


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"rescale": 1 / 255},
        EVERYTHING,
        {"preprocessing_function": lambda x: x + np.random.normal(0, 1, x.shape)},  # has to be called in order
    ],
)
def test_batches_do_not_depend_on_workers(folder, options, seed):
    expected = passes(flow(folder, options, seed=seed), 0)
    assert [len(x) for x, _ in expected] == [5, 5, 5, 5, 3] * 3
    for workers, queue in ((1, None), (2, 1), (3, 2), (8, 20)):
        for cache in (True, False):
            have = passes(flow(folder, options, seed=seed, cache=cache), workers, max_queue_size=queue)
            for (x, y), (want_x, want_y) in zip(have, expected, strict=True):
                np.testing.assert_array_equal(x, want_x)
                np.testing.assert_array_equal(y, want_y)


def test_a_seeded_pass_draws_like_indexing(folder):
    a, b = flow(folder, EVERYTHING, seed=3), flow(folder, EVERYTHING, seed=3)
    ahead = passes(a, 2, 1)
    for i, (x, y) in enumerate(ahead):
        want_x, want_y = b[i]
        np.testing.assert_array_equal(x, want_x)
        np.testing.assert_array_equal(y, want_y)
    assert a.total_batches_seen == b.total_batches_seen == 5


def test_training_does_not_depend_on_workers(folder):
    results = []
    for workers in (0, 1, 4):
        net = model()
        train, test = flow(folder, EVERYTHING, seed=1), flow(folder, shuffle=False)
        history = net.fit(train, epochs=3, validation_data=test, workers=workers, max_queue_size=2, verbose=0)
        again = net.fit_generator(train, epochs=2, steps_per_epoch=3, validation_data=test, workers=workers, verbose=0)
        scores = [net.evaluate(test, verbose=0, workers=workers), net.evaluate_generator(test, workers=workers)]
        output = net.predict_generator(test, workers=workers)
        assert output.shape == (23, 3)
        np.testing.assert_array_equal(output, net.predict(test, workers=workers, verbose=0))
        results.append([*history.history["loss"], *again.history["val_loss"], *np.ravel(scores), *output.ravel()])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_keras_1_arguments(folder):
    net = model()
    net.fit_generator(
        flow(folder),
        samples_per_epoch=23,
        nb_epoch=1,
        validation_data=flow(folder, shuffle=False),
        nb_val_samples=23,
        max_q_size=2,
        nb_worker=2,
        pickle_safe=False,
        verbose=0,
    )
    assert int(net.optimizer.iterations) == 5
    share = {"steps_per_epoch": 23 / 5, "validation_steps": 23 / 9}  # as in Keras 2's own examples: rounded up
    validation = flow(folder, batch_size=9, shuffle=False)
    evaluated = []
    counter = pk.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: evaluated.append(batch))
    for fit in (net.fit, net.fit_generator):
        fit(flow(folder), validation_data=validation, callbacks=[counter], verbose=0, **share)
    assert int(net.optimizer.iterations) == 15 and evaluated == 2 * [0, 1, 2]
    assert net.predict_generator(validation, 23 / 9).shape == (23, 3)
    for name, wrong in (("steps_per_epoch", 0), ("validation_steps", "3"), ("steps_per_epoch", float("nan"))):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive number"):
            net.fit(flow(folder), validation_data=validation, verbose=0, **{name: wrong})
    with pytest.raises(ValueError, match="workers"):
        net.fit(flow(folder), workers=-1, verbose=0)
    with pytest.raises(ValueError, match="max_queue_size"):
        net.predict(flow(folder), max_queue_size=0, verbose=0)


def test_threads_end_with_the_training(folder):
    before = threading.active_count()
    net = model()
    net.fit(flow(folder), epochs=1, steps_per_epoch=2, workers=3, verbose=0)
    gc.collect()
    assert threading.active_count() == before


class Numbers(pk.utils.Sequence):
    def __init__(self, fails_at=None, **options):
        super().__init__(**options)
        self.fails_at = fails_at
        self.threads = set()

    def __len__(self):
        return 6

    def __getitem__(self, i):
        self.threads.add(threading.get_ident())
        time.sleep(0.01 * (i % 2))
        if i == self.fails_at:
            raise FileNotFoundError(f"no file number {i}")
        x = np.full((4, 3), i, "float32")
        return x, x[:, :1]

    def on_epoch_end(self):
        self.epochs = getattr(self, "epochs", 0) + 1


@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}])
def test_sequences_with_workers(options):
    net = pk.Sequential([layers.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    net.compile("sgd", "mse")
    for source, loading in ((Numbers(), options), (Numbers(**options), {})):
        output = net.predict(source, verbose=0, **loading)
        np.testing.assert_allclose(output[:, 0], 3 * np.repeat(np.arange(6), 4))
        assert source.epochs == 1
        if options.get("workers") == 3:
            assert threading.get_ident() not in source.threads and len(source.threads) > 1
    net.fit(Numbers(**options), verbose=0, epochs=2)
    with pytest.raises(FileNotFoundError, match="no file number 4"):
        net.predict(Numbers(4, **options), verbose=0)
    assert list(Numbers())[5][0][0, 0] == 5


def test_an_incomplete_sequence_says_what_is_missing():
    class Empty(pk.utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="__len__"):
        list(Empty())
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Empty()[0]


def test_work_ahead():
    done = []

    def make(job, turn):
        time.sleep(0.002 * (job % 3))
        with turn:
            done.append(job)
        return job * job

    for workers in (1, 2, 5):
        done.clear()
        assert list(OrderedPrefetcher(range(20), make, workers, 3)) == [n * n for n in range(20)]
        assert done == list(range(20))
    assert list(OrderedPrefetcher([], make, 2, 1)) == []
    ahead = OrderedPrefetcher(iter(range(10**9)), make, 2, 4)
    assert next(ahead) == 0
    ahead.close()
    assert len(done) < 40 and list(ahead) == []

    def jobs():
        yield 1
        raise KeyError("no more")

    ahead = OrderedPrefetcher(jobs(), make, 2, 4)
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="no more"):
        next(ahead)


# --- the cache ------------------------------------------------------------------------------------------------------
def test_cached_epochs_decode_nothing(folder, monkeypatch):
    decoded = []
    load = pixels.load_img
    monkeypatch.setattr(pixels, "load_img", lambda path, *args: decoded.append(path) or load(path, *args))
    bytes_of_one = SIZE[0] * SIZE[1] * 3
    for cache, counts in (
        (True, [23, 0, 0]),
        (False, [23, 23, 23]),
        (10 * bytes_of_one + 5, [23, 13, 13]),
        (0, [23] * 3),
    ):
        source = flow(folder, cache=cache)
        for count in counts:
            decoded.clear()
            passes(source, 2, 1)
            assert len(decoded) == count and len(set(decoded)) == count
    for wrong in (-1, 2.5, "yes"):
        with pytest.raises(ValueError, match="cache"):
            flow(folder, cache=wrong)
    assert pixels.PixelCache(1, (4, 4, 3), True).capacity == 1
    assert pixels.PixelCache(10**9, (1000, 1000, 3), 10**7).capacity == 3


def test_memory_is_flat(folder):
    psutil = pytest.importorskip("psutil")
    source, net, process = flow(folder, EVERYTHING), model(), psutil.Process()
    net.fit(source, epochs=5, verbose=0)
    before = process.memory_info().rss
    net.fit(source, epochs=60, verbose=0)
    assert process.memory_info().rss - before < 8 << 20


# --- files that cannot be read -----------------------------------------------------------------------------------
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damage", ["removed", "truncated", "empty", "text"])
def test_a_bad_file_is_named_or_skipped(folder, damage, workers):
    path = folder / "dog" / "003.jpg"
    source, patient = flow(folder, cache=False), flow(folder, cache=False, on_error="skip", shuffle=False)
    net = model()
    net.fit(source, verbose=0)
    if damage == "removed":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"not here"}[damage])
    with pytest.raises(OSError, match=r"dog.003\.jpg"):
        net.fit(source, workers=workers, verbose=0)
    with pytest.raises(OSError, match=r"dog.003\.jpg"):
        for _ in range(len(source)):
            next(source)
    with pytest.warns(UserWarning, match=r"skipped: .*dog.003\.jpg") as caught:
        output = net.predict(patient, workers=workers, verbose=0)
        net.fit(patient, workers=workers, epochs=2, verbose=0)
    assert len([w for w in caught if "skipped" in str(w.message)]) == 1
    assert output.shape == (22, 3) and patient.skipped == [str(path)]
    with pytest.raises(ValueError, match="on_error"):
        flow(folder, on_error="ignore")


def test_batches_of_bad_files_only_are_left_out(folder):
    for path in (folder / "cat").iterdir():
        path.write_bytes(b"")
    source = flow(folder, on_error="skip", batch_size=1, shuffle=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(passes(source, 2, 1)) == 14
        assert next(source)[1].tolist() == [[0, 1, 0]]
        assert len(source.skipped) == 9


def test_awkward_pictures_in_a_folder(tmp_path):
    (tmp_path / "all" / "kinds").mkdir(parents=True)
    write_awkward(tmp_path / "all" / "kinds")
    for color_mode, channels in (("rgb", 3), ("rgba", 4)):
        source = flow(tmp_path / "all", class_mode=None, color_mode=color_mode, shuffle=False)
        assert {os.path.splitext(name)[1] for name in source.filenames} == {".png", ".jpg", ".bmp", ".ppm", ".tif"}
        for _ in range(2):  # decoded, and from the cache
            for k in range(len(source)):
                assert source[k].shape[1:] == (*SIZE, channels) and source[k].max() <= 1
    deep = flow(tmp_path / "all", class_mode=None, color_mode="grayscale", shuffle=False, batch_size=99)
    x = deep[0]
    assert x.max() > 100  # 16 bits keep their values, as in Keras
    np.testing.assert_array_equal(x, deep[0])


# --- odd folders --------------------------------------------------------------------------------------------------
def test_folders_that_cannot_be(tmp_path, folder, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "class").mkdir(parents=True)
    (tmp_path / "loose").mkdir()
    Image.fromarray(picture(5, 5)).save(tmp_path / "loose" / "a.png")
    for path, error, message in (
        (tmp_path / "absent", FileNotFoundError, "no folder .*absent"),
        (folder / "cat" / "000.png", NotADirectoryError, r"000\.png' is a file"),
        (tmp_path / "empty", ValueError, "has no subfolders"),
        (tmp_path / "hollow", ValueError, "hold no images"),
        (tmp_path / "loose", ValueError, "1 images in it belong to no class"),
    ):
        with pytest.raises(error, match=message):
            flow(path)
    assert "Found 0 images belonging to 1 classes." in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"`classes` has \['cats'\]"):
        flow(folder, classes=["cats", "dog"])
    with pytest.raises(ValueError, match="Invalid class_mode"):
        flow(folder, class_mode="binari")
    for options, word in (({"target_size": 3}, "target_size"), ({"color_mode": "bw"}, "color_mode")):
        with pytest.raises(ValueError, match=word):
            flow(folder, **options)
    (tmp_path / "one" / "class").mkdir(parents=True)
    Image.fromarray(picture(5, 5)).save(tmp_path / "one" / "class" / "a.png")
    with pytest.warns(UserWarning, match="only one class folder"):
        flow(tmp_path / "one")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert flow(tmp_path / "one", class_mode=None).n == 1


def test_what_is_not_an_image_is_left_out(folder, capsys):
    (folder / "empty class").mkdir()
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "a.png").write_bytes(b"")
    (folder / "cat" / "notes.txt").write_text("")
    (folder / "cat" / "._000.png").write_bytes(b"of macOS")
    (folder / "cat" / ".hidden").mkdir()
    (folder / "cat" / ".hidden" / "x.png").write_bytes(b"")
    (folder / "cat" / "deeper").mkdir()
    Image.fromarray(picture(5, 5)).save(folder / "cat" / "deeper" / "UPPER.PNG")
    (folder / "loose.png").write_bytes(b"")
    source = flow(folder)
    assert capsys.readouterr().out == "Found 24 images belonging to 4 classes.\n"
    assert os.path.join("cat", "deeper", "UPPER.PNG") in source.filenames
    assert list(source.class_indices) == ["cat", "dog", "empty class", "ice cream"]
    assert next(source)[1].shape == (5, 4)


def test_classes_and_files_are_sorted_by_code_points(tmp_path, capsys):
    """As Python and Keras sort: capitals before small letters, whatever the language of the system."""
    names = ["apple", "Banana", "cherry", "Date", "\u00e9clair"]
    for name in names:
        (tmp_path / name).mkdir()
        for file in ("b.png", "A.png", "a.png", "B.png"):
            Image.fromarray(picture(4, 4)).save(tmp_path / name / file)
    expected = ["Banana", "Date", "apple", "cherry", "\u00e9clair"]
    source = image.ImageDataGenerator().flow_from_directory(tmp_path, target_size=(4, 4))
    assert list(source.class_indices) == expected and list(source.class_indices.values()) == [0, 1, 2, 3, 4]
    assert source.filenames[:4] == [os.path.join("Banana", file) for file in ("A.png", "B.png", "a.png", "b.png")]
    assert source.classes.tolist() == [i for i in range(5) for _ in range(4)]
    data = pk.utils.image_dataset_from_directory(tmp_path, image_size=(4, 4), shuffle=False)
    assert data.class_names == expected
    assert [os.path.relpath(path, tmp_path) for path in data.file_paths] == source.filenames


def test_links(tmp_path, folder):
    (folder / "cat" / "loop").symlink_to(folder / "cat", target_is_directory=True)
    (folder / "dog" / "round").symlink_to(folder, target_is_directory=True)
    (tmp_path / "elsewhere").mkdir()
    Image.fromarray(picture(5, 5)).save(tmp_path / "elsewhere" / "a.png")
    (folder / "ice cream" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert flow(folder).n == 23
    followed = flow(folder, follow_links=True)
    counts = np.bincount(followed.classes).tolist()
    assert counts[0] == 9 and counts[2] == 7
    assert len(set(map(os.path.realpath, followed.filepaths))) == 24


# --- saving what is fed --------------------------------------------------------------------------------------------
def test_save_to_dir(tmp_path, folder):
    saved = tmp_path / "seen"
    saved.mkdir()
    source = flow(folder, save_to_dir=str(saved), save_prefix="aug", save_format="png", shuffle=False)
    x, _ = next(source)
    names = sorted(path.name for path in saved.iterdir())
    assert len(names) == 5 and all(name.startswith(f"aug_{i}_") for i, name in enumerate(names))
    low, high = x[0].min(), x[0].max()
    want = ((x[0] - low) / (high - low) * 255).astype("uint8")
    np.testing.assert_allclose(np.asarray(Image.open(saved / names[0])), want, atol=1)
    arrays = image.ImageDataGenerator().flow(x, save_to_dir=str(saved), save_prefix="array", save_format="jpeg")
    next(arrays)
    assert len([path for path in saved.iterdir() if path.name.startswith("array_")]) == 5
    with pytest.raises(OSError, match=r"save_to_dir='.*absent'"):
        next(flow(folder, save_to_dir=str(tmp_path / "absent")))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk(tmp_path, folder, workers):
    """Writing to links to /dev/full fails as on a full disk; with a seed the names are known beforehand."""
    (tmp_path / "seen").mkdir()
    (tmp_path / "full").mkdir()
    passes(flow(folder, save_to_dir=str(tmp_path / "seen"), seed=1), 0, 1)
    for path in (tmp_path / "seen").iterdir():
        (tmp_path / "full" / path.name).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        model().fit(flow(folder, save_to_dir=str(tmp_path / "full"), seed=1), workers=workers, verbose=0, shuffle=False)
    assert caught.value.errno == 28 and "cannot save the image" in str(caught.value)


def test_positional_sample_counts_of_keras_1(folder):
    net = model()
    train, validation = flow(folder), flow(folder, batch_size=9, shuffle=False)
    assert (train.nb_sample, train.nb_class) == (23, 3)
    evaluated = []
    callback = pk.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: evaluated.append(batch))
    net.fit_generator(
        train,
        train.nb_sample,
        nb_epoch=1,
        validation_data=validation,
        nb_val_samples=validation.nb_sample,
        callbacks=[callback],
        verbose=0,
    )
    assert int(net.optimizer.iterations) == 5
    assert evaluated == [0, 1, 2]  # batches of 9, whatever the training has
    expected = net.predict(validation, verbose=0)
    np.testing.assert_array_equal(net.predict_generator(validation, validation.nb_sample), expected)
    assert net.evaluate_generator(validation, 23) == net.evaluate(validation, verbose=0)
    assert net.predict_generator(validation, 2).shape == (18, 3)
