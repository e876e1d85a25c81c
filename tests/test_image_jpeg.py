"""Photographs in JPEG files, decoded by kernels/jpeg.h: the bytes of Pillow, for whole files and damaged ones."""

import io
import itertools

import numpy as np
import pytest
from image_folders import picture

from pykernels import _core
from pykernels.utils import image_utils

Image = pytest.importorskip("PIL.Image")
features = pytest.importorskip("PIL.features")
pytestmark = pytest.mark.skipif(
    not features.check_feature("libjpeg_turbo"), reason="Pillow was built without libjpeg-turbo: other pixels"
)


def encoded(x, **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(x).save(stream, "JPEG", **options)
    return stream.getvalue()


def by_pillow(data: bytes, mode="RGB"):
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert(mode))
    except Exception:
        return None


def decoded(data: bytes, channels=3, rows=None, columns=None):
    jpeg = _core.open_jpeg(data)
    return None if jpeg is None else jpeg.decode(channels, rows, columns)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), "uint8")


def checks(height, width, seed=0):
    y, x = np.mgrid[:height, :width]
    return np.repeat((((y + x) % 2) * 255).astype("uint8")[:, :, None], 3, 2)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 5), (5, 5), (8, 8), (16, 16), (17, 33), (31, 47), (64, 40), (7, 150)])
def test_pixels_are_those_of_pillow(size, subsampling):
    for make, quality in itertools.product((picture, noise, checks), (1, 30, 75, 95, 100)):
        data = encoded(make(*size), quality=quality, subsampling=subsampling)
        x = decoded(data)
        assert x is not None or make is not picture  # noise of quality 1 may leave the range of 16 bits
        if x is not None:
            np.testing.assert_array_equal(x, by_pillow(data), f"{make.__name__} {quality}")


@pytest.mark.parametrize(
    "options",
    [{"optimize": True}, {"restart_marker_blocks": 1}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 7}],
)
def test_other_forms_of_files(options):
    for subsampling in (0, 1, 2):
        data = encoded(picture(50, 70), subsampling=subsampling, **options)
        np.testing.assert_array_equal(decoded(data), by_pillow(data))


def test_grey_files():
    for size in ((1, 1), (8, 8), (17, 30)):
        data = encoded(picture(*size)[:, :, 0])
        np.testing.assert_array_equal(decoded(data, 1)[:, :, 0], by_pillow(data, "L"))
        np.testing.assert_array_equal(decoded(data, 3), by_pillow(data))
    with pytest.raises(ValueError, match="channels must be 3, or 1 of a grey file"):
        decoded(encoded(picture(9, 9)), 1)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_chosen_pixels(subsampling):
    rng = np.random.default_rng(1)
    data = encoded(picture(61, 87), subsampling=subsampling)
    whole = by_pillow(data)
    for count in (1, 2, 30, 200):
        rows, columns = np.sort(rng.integers(0, 61, count)), np.sort(rng.integers(0, 87, count + 1))
        np.testing.assert_array_equal(decoded(data, 3, rows, columns), whole[rows][:, columns])
    for rows, columns in (([61], [0]), ([0], [-1]), ([0], None)):
        with pytest.raises(ValueError):
            decoded(data, 3, rows, columns)


def test_nearest_pixels_are_those_of_pillow(tmp_path):
    rng = np.random.default_rng(2)
    for size in (3, 100, 333, 1000, 4096):
        for target in (1, 2, 7, 32, 224, int(rng.integers(1, 5000))):
            ramp = np.broadcast_to(np.arange(size, dtype="int32")[:, None], (size, 2))
            image = Image.fromarray(np.ascontiguousarray(ramp)).resize((2, target), Image.Resampling.NEAREST)
            np.testing.assert_array_equal(image_utils._nearest(size, target), np.asarray(image)[:, 0])


def test_refused_forms():
    x = picture(20, 20)
    cmyk = io.BytesIO()
    Image.fromarray(x).convert("CMYK").save(cmyk, "JPEG")
    for data in (
        encoded(x, progressive=True),
        cmyk.getvalue(),
        encoded(x, keep_rgb=True),
        encoded(x, subsampling="4:1:1"),
        encoded(picture(20, 3)),  # narrow: libjpeg repeats the chroma there
        b"",
        b"\xff\xd8\xff",
        encoded(x)[2:],
    ):
        jpeg = _core.open_jpeg(data)
        if jpeg is not None:  # "4:1:1" of old versions of Pillow is "4:2:0"
            np.testing.assert_array_equal(jpeg.decode(3, None, None), by_pillow(data))


def mutations(data: bytes, count: int, seed: int):
    """Files with bytes changed, left out, or doubled, and cut files."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        broken = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            if len(broken) < 3:
                break
            at = int(rng.integers(2, len(broken)))
            kind = int(rng.integers(4)) if k % 2 else 0
            if kind == 0:
                broken[at] = int(rng.choice([0, 255, broken[at] ^ (1 << int(rng.integers(8)))]))
            elif kind == 1:
                del broken[at : at + int(rng.integers(1, 20))]
            elif kind == 2:
                broken[at:at] = broken[at : at + int(rng.integers(1, 20))]
            else:
                del broken[at:]
        yield bytes(broken)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_give_what_pillow_gives_or_are_refused(seed):
    options = ({"subsampling": 2}, {"subsampling": 0, "restart_marker_blocks": 2}, {"subsampling": 1}, {"quality": 98})
    data = encoded(picture(33, 41, seed), **options[seed])
    rows = np.arange(0, 33, 3)
    taken = 0
    for broken in mutations(data, 400, seed):
        x = decoded(broken)
        if x is None:
            continue
        taken += 1
        np.testing.assert_array_equal(x, by_pillow(broken))
        np.testing.assert_array_equal(decoded(broken, 3, rows[rows < len(x)], [0]), x[rows[rows < len(x)]][:, [0]])
    assert taken > 10


def test_load_pixels_is_load_img(tmp_path):
    for name, options in (("a.jpg", {}), ("b.jpg", {"progressive": True}), ("c.png", {}), ("grey.jpg", {})):
        x = picture(45, 61)
        Image.fromarray(x[:, :, 0] if name == "grey.jpg" else x).save(tmp_path / name, **options)
        for mode, size, how, keep in itertools.product(
            ("rgb", "grayscale", "rgba"), (None, (20, 30), (45, 61)), image_utils.INTERPOLATIONS, (False, True)
        ):
            want = np.asarray(image_utils.load_img(tmp_path / name, mode, size, how, keep))
            np.testing.assert_array_equal(image_utils.load_pixels(tmp_path / name, mode, size, how, keep), want)


def test_a_cut_photograph_is_named(tmp_path):
    (tmp_path / "cut.jpg").write_bytes(encoded(picture(45, 61))[:-300])
    with pytest.raises(OSError, match=r"cannot read the image '.*cut.jpg': .*truncated"):
        image_utils.load_pixels(tmp_path / "cut.jpg", "rgb", (8, 8))
