"""Every argument of the functions that read images and of the generator acts: a row for each, and an argument without
a row is red."""

from __future__ import annotations

import os

import numpy as np
import pytest
from argument_rows import parameters, same
from image_folders import picture
from PIL import Image

from pykernels import utils
from pykernels.preprocessing.image import ImageDataGenerator, smart_resize

pd = pytest.importorskip("pandas", reason="flow_from_dataframe needs tables")

PICTURES = np.stack([picture(12, 16, seed) for seed in range(10)]).astype("float32")
LABELS = np.arange(10) % 2


def halved(image):
    return image * 0.5


# The generator: argument -> value, and what else has to be set for it to act.
GENERATOR = {
    "featurewise_center": (True, {}),
    "samplewise_center": (True, {}),
    "featurewise_std_normalization": (True, {}),
    "samplewise_std_normalization": (True, {}),
    "zca_whitening": (True, {}),
    "zca_epsilon": (10.0, {"zca_whitening": True}),
    "rotation_range": (40, {}),
    "width_shift_range": (0.5, {}),
    "height_shift_range": (0.5, {}),
    "brightness_range": ((0.3, 0.6), {}),
    "shear_range": (30, {}),
    "zoom_range": (0.5, {}),
    "channel_shift_range": (60.0, {}),
    "fill_mode": ("reflect", {"rotation_range": 40}),
    "cval": (99.0, {"rotation_range": 40, "fill_mode": "constant"}),
    "horizontal_flip": (True, {}),
    "vertical_flip": (True, {}),
    "rescale": (1 / 255, {}),
    "preprocessing_function": (halved, {}),
    "data_format": ("channels_first", {"rotation_range": 40}),
    "validation_split": (0.3, {}),
    "interpolation_order": (0, {"rotation_range": 40}),
    "dtype": ("float64", {}),
}


def generated(**arguments):
    generator = ImageDataGenerator(**arguments)
    fitted = ("featurewise_center", "featurewise_std_normalization", "zca_whitening")
    x = PICTURES[:, :8, :8].transpose(0, 3, 1, 2) if arguments.get("data_format") == "channels_first" else PICTURES
    if any(arguments.get(name) for name in fitted):
        x = x[:, :6, :6]
        generator.fit(x)
    subset = "training" if arguments.get("validation_split") else None
    return next(generator.flow(x, batch_size=10, shuffle=False, seed=3, subset=subset))


@pytest.mark.parametrize("name", sorted(parameters(ImageDataGenerator)))
def test_each_argument_of_the_generator_acts(name):
    value, others = GENERATOR[name]
    if name.startswith("featurewise") or name == "zca_whitening":
        plain = next(ImageDataGenerator().flow(PICTURES[:, :6, :6], batch_size=10, shuffle=False, seed=3))
    else:
        plain = generated(**others)
    assert not same(plain, generated(**others, **{name: value}))


@pytest.fixture
def folder(tmp_path):
    """Two classes of five pictures, one of them outside and linked, one file that is no picture."""
    images = tmp_path / "images"
    for i, pixels in enumerate(PICTURES.astype("uint8")):
        place = images / f"class{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i}.png")
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.fromarray(picture(12, 16, 77)).save(outside / "linked.png")
    os.symlink(outside, images / "class1" / "more")
    (images / "class0" / "broken.png").write_bytes(b"no picture")
    return images


def batches(iterator, count=2):
    """What `count` batches hold."""
    found = []
    for _, batch in zip(range(count), iterator, strict=False):
        parts = batch if isinstance(batch, tuple) else (batch,)
        found.append([np.asarray(part) for part in parts])
    return found


def written(place):
    """The names that `save_to_dir` left without their random middle, and the first bytes of the files."""
    return sorted((p.name.partition("_")[0], p.suffix, p.read_bytes()[:4]) for p in place.iterdir())


FLOW = {
    "x": (PICTURES[::-1].copy(), {}),
    "y": (LABELS, {}),
    "batch_size": (3, {}),
    "shuffle": (False, {}),
    "sample_weight": (np.arange(10.0), {"y": LABELS}),
    "seed": (8, {}),
    "save_to_dir": ("saved", {}),
    "save_prefix": ("named", {"save_to_dir": "saved"}),
    "save_format": ("jpeg", {"save_to_dir": "saved"}),
    "ignore_class_split": (True, {"y": np.repeat([0, 1], 5), "subset": "training"}),
    "subset": ("validation", {"subset": "training"}),
}


def saved_of(arguments, tmp_path, index):
    """The arguments, with `save_to_dir` a folder of the test's own, and that folder."""
    if "save_to_dir" not in arguments:
        return arguments, None
    place = tmp_path / f"saved{index}"
    place.mkdir()
    return {**arguments, "save_to_dir": str(place)}, place


def flowed(arguments, tmp_path, index):
    arguments, place = saved_of({"x": PICTURES, "seed": 3, "batch_size": 5, **arguments}, tmp_path, index)
    split = {"validation_split": 0.4} if "subset" in arguments else {}
    try:
        found = batches(ImageDataGenerator(**split).flow(**arguments))
    except ValueError as error:
        return str(error)
    return found, place and written(place)


@pytest.mark.parametrize("name", sorted(parameters(ImageDataGenerator.flow)))
def test_each_argument_of_flow_acts(name, tmp_path):
    value, others = FLOW[name]
    assert not same(flowed(others, tmp_path, 0), flowed({**others, name: value}, tmp_path, 1))


# Of the functions that read files: argument -> value, what else is set.
READS = {
    "target_size": ((7, 9), {}),
    "color_mode": ("grayscale", {}),
    "classes": (["class1"], {}),
    "class_mode": ("binary", {}),
    "batch_size": (2, {}),
    "shuffle": (False, {}),
    "seed": (8, {}),
    "save_to_dir": ("saved", {}),
    "save_prefix": ("named", {"save_to_dir": "saved"}),
    "save_format": ("jpeg", {"save_to_dir": "saved"}),
    "subset": ("validation", {"subset": "training"}),
    "interpolation": ("bicubic", {}),
    "keep_aspect_ratio": (True, {}),
    "cache": (False, {}),
    "on_error": ("raise", {}),
}
DIRECTORY = {**READS, "directory": ("class0", {}), "follow_links": (True, {})}
DATAFRAME = {
    **READS,
    "dataframe": ("less", {}),
    "directory": ("class1", {}),
    "x_col": ("other_files", {}),
    "y_col": ("other_labels", {}),
    "weight_col": ("weights", {}),
    "validate_filenames": (False, {"files": "missing"}),
}


def read_twice(make, folder):
    """The batches of two epochs, between which the pictures are replaced; or the message of the error."""
    try:
        iterator = make()
        found = [getattr(iterator, "class_indices", None), batches(iterator, 6)]
        for path in sorted(folder.rglob("*.png")):
            if path.name != "broken.png":
                Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
        return [*found, batches(iterator, 6)]
    except (ValueError, OSError) as error:
        return str(error).replace(str(folder), "")


def from_directory(folder, tmp_path, index, **arguments):
    arguments, place = saved_of({"seed": 3, "target_size": (6, 6), "on_error": "skip", **arguments}, tmp_path, index)
    root = folder / arguments.pop("directory", "")
    split = {"validation_split": 0.4} if "subset" in arguments else {}
    found = read_twice(lambda: ImageDataGenerator(**split).flow_from_directory(str(root), **arguments), folder)
    return found, place and written(place)


def from_dataframe(folder, tmp_path, index, **arguments):
    arguments, place = saved_of({"seed": 3, "target_size": (6, 6), "on_error": "skip", **arguments}, tmp_path, index)
    files = [f"{i}.png" for i in range(0, 10, 2)] + ["broken.png"]
    if arguments.pop("files", None) == "missing":
        files.append("missing.png")
    table = pd.DataFrame({"filename": files, "class": [f"class{i % 2}" for i in range(len(files))]})
    table["weights"] = np.arange(len(files), dtype="float64")
    table["other_files"], table["other_labels"] = table["filename"][::-1].tolist(), "all"
    if arguments.pop("dataframe", None) == "less":
        table = table[:3]
    root = folder / arguments.pop("directory", "class0")
    split = {"validation_split": 0.4} if "subset" in arguments else {}
    found = read_twice(lambda: ImageDataGenerator(**split).flow_from_dataframe(table, str(root), **arguments), folder)
    return found, place and written(place)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("read, rows", [(from_directory, DIRECTORY), (from_dataframe, DATAFRAME)])
def test_each_argument_of_flow_from_files_acts(read, rows, folder, tmp_path):
    method = ImageDataGenerator.flow_from_directory if rows is DIRECTORY else ImageDataGenerator.flow_from_dataframe
    assert parameters(method) - {"old"} == rows.keys()
    backup = {path: path.read_bytes() for path in folder.rglob("*.png")}
    for name, (value, others) in rows.items():
        seen = []
        for turn, arguments in enumerate((others, {**others, name: value})):
            for path, content in backup.items():
                path.write_bytes(content)
            seen.append(read(folder, tmp_path, f"{name}{turn}", **arguments))
        assert not same(*seen), name


DATASET = {
    "directory": ("class0", {"labels": None, "label_mode": None}),
    "labels": ([0, 1, 2, 3, 4] * 2 + [7], {}),
    "label_mode": ("categorical", {}),
    "class_names": (["class1", "class0"], {}),
    "color_mode": ("grayscale", {}),
    "batch_size": (2, {}),
    "image_size": ((7, 9), {}),
    "shuffle": (False, {}),
    "seed": (8, {}),
    "validation_split": (0.4, {"subset": "training", "validation_split": 0.2}),
    "subset": ("validation", {"subset": "training", "validation_split": 0.4}),
    "interpolation": ("nearest", {}),
    "follow_links": (True, {}),
    "crop_to_aspect_ratio": (True, {}),
    "pad_to_aspect_ratio": (True, {}),
    "data_format": ("channels_first", {}),
    "format": ("grain", {"interpolation": "nearest"}),
    "verbose": (False, {}),
    "cache": (False, {}),
    "on_error": ("raise", {}),
}


@pytest.mark.filterwarnings("ignore")
def test_each_argument_of_image_dataset_from_directory_acts(folder, capsys):
    assert parameters(utils.image_dataset_from_directory) == DATASET.keys()
    backup = {path: path.read_bytes() for path in folder.rglob("*.png")}

    def read(directory="", **arguments):
        arguments = {"seed": 3, "image_size": (6, 6), "on_error": "skip", **arguments}
        for path, content in backup.items():
            path.write_bytes(content)
        found = []
        try:
            dataset = utils.image_dataset_from_directory(str(folder / directory), **arguments)
            found = [dataset.class_names, batches(dataset, 6)]
            for path in sorted(folder.rglob("*.png")):
                if path.name != "broken.png":
                    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
            found.append(batches(dataset, 6))
        except (ValueError, NotImplementedError, OSError) as error:
            found.append(str(error))
        return [*found, capsys.readouterr().out]

    for name, (value, others) in DATASET.items():
        assert not same(read(**others), read(**{**others, name: value})), name


PIXELS = picture(12, 16, 4)


def loaded(folder, **arguments):
    path = arguments.pop("path", folder / "class0" / "0.png")
    return utils.img_to_array(utils.load_img(path, **arguments))


LOAD = {
    "path": (lambda folder: folder / "class0" / "2.png", {}),
    "color_mode": ("grayscale", {}),
    "target_size": ((5, 6), {}),
    "interpolation": ("bicubic", {"target_size": (5, 6)}),
    "keep_aspect_ratio": (True, {"target_size": (5, 5)}),
    "grayscale": (True, {}),
}


@pytest.mark.filterwarnings("ignore")
def test_each_argument_of_load_img_acts(folder):
    assert parameters(utils.load_img) == LOAD.keys()
    for name, (value, others) in LOAD.items():
        value = value(folder) if callable(value) else value
        assert not same(loaded(folder, **others), loaded(folder, **others, **{name: value})), name


def saved(tmp_path, x=PIXELS, **arguments):
    path = tmp_path / arguments.pop("path", "saved.png")
    path.unlink(missing_ok=True)
    utils.save_img(path, x, **arguments)
    return path.name, path.read_bytes()


FIRST = PICTURES[0].transpose(2, 0, 1)[:, :3]  # (3, 3, 16): either format fits
CONVERSIONS = {
    utils.img_to_array: {
        "img": (Image.fromarray(PIXELS), {"img": Image.fromarray(PIXELS[::-1])}),
        "data_format": ("channels_first", {"img": Image.fromarray(PIXELS)}),
        "dtype": ("float64", {"img": Image.fromarray(PIXELS)}),
    },
    utils.array_to_img: {
        "x": (PIXELS, {"x": PIXELS[::-1]}),
        "data_format": ("channels_first", {"x": FIRST[:, :, :3]}),
        "scale": (False, {"x": PIXELS // 2}),
        "dtype": ("int32", {"x": PIXELS / 255}),
    },
    smart_resize: {
        "x": (PIXELS, {"x": PIXELS[::-1], "size": (5, 7)}),
        "size": ((5, 6), {"x": PIXELS, "size": (5, 7)}),
        "interpolation": ("nearest", {"x": PIXELS, "size": (5, 7)}),
        "data_format": ("channels_first", {"x": FIRST[:, :, :3], "size": (2, 2)}),
    },
}


@pytest.mark.parametrize("function", CONVERSIONS, ids=lambda f: f.__name__)
def test_each_argument_of_a_conversion_acts(function):
    rows = CONVERSIONS[function]
    assert parameters(function) == rows.keys()

    def result(**arguments):
        value = function(**arguments)
        return np.asarray(value)

    for name, (value, others) in rows.items():
        assert not same(result(**others), result(**{**others, name: value})), name


def test_each_argument_of_save_img_acts(tmp_path):
    rows = {
        "path": ("other.png", {}),
        "x": (PIXELS[::-1], {}),
        "data_format": ("channels_first", {"x": FIRST[:, :, :3]}),
        "file_format": ("jpeg", {}),
        "scale": (False, {"x": PIXELS // 2}),
    }
    assert parameters(utils.save_img) == rows.keys()
    for name, (value, others) in rows.items():
        assert not same(saved(tmp_path, **others), saved(tmp_path, **{**others, name: value})), name


METHODS = {
    "fit": {
        "x": (PICTURES[::-1] / 2, {}),
        "augment": (True, {}),
        "rounds": (3, {"augment": True}),
        "seed": (8, {"augment": True}),
    },
    "random_transform": {"x": (PICTURES[1], {}), "seed": (8, {})},
    "apply_transform": {"x": (PICTURES[1], {}), "transform_parameters": ({"theta": 20, "flip_horizontal": True}, {})},
    "get_random_transform": {"img_shape": ((30, 40, 3), {}), "seed": (8, {})},
    "standardize": {"x": (PICTURES[1], {})},
}


@pytest.mark.parametrize("method", METHODS)
def test_each_argument_of_the_generators_methods_acts(method):
    rows = METHODS[method]
    assert parameters(getattr(ImageDataGenerator, method)) == rows.keys()
    defaults = {"x": PICTURES if method == "fit" else PICTURES[0], "seed": 3, "img_shape": (12, 16, 3)}
    defaults["transform_parameters"] = {"theta": 5}

    def result(**arguments):
        generator = ImageDataGenerator(
            featurewise_center=True, rotation_range=30, width_shift_range=0.4, height_shift_range=0.4
        )
        generator.mean = np.float32(3) if method == "standardize" else None
        given = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in arguments.items()}
        value = getattr(generator, method)(**{n: v for n, v in {**defaults, **given}.items() if n in rows})
        return generator.mean if method == "fit" else value

    for name, (value, others) in rows.items():
        assert not same(result(**others), result(**{**others, name: value})), name
