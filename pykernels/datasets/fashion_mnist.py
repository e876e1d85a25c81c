"""Fashion-MNIST: 70,000 pictures of clothing (Zalando SE, MIT licence)."""

from __future__ import annotations

from ..utils.download import fetch, keras_home
from . import idx

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


def load_data(path=None):
    """Images uint8 of shape (60000, 28, 28) and (10000, 28, 28), labels uint8 0..9: T-shirt/top, Trouser, Pullover,
    Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.

    The four idx files are taken from `fashion-mnist` in Keras's cache (`~/.keras/datasets`, or `$KERAS_HOME/datasets`),
    checked by their sha256, and downloaded into it where they are missing or others. Without a network, files with
    another sha256 are used with a warning if the arrays have the right shapes.

    Args:
        path: a folder with the four idx files, instead; only their content is checked.

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        FileNotFoundError: `path` lacks a file.
        ValueError: a damaged file.
    """
    if path is not None:
        return idx.load(path)
    folder = keras_home() / "datasets" / "fashion-mnist"
    errors = []
    for name in idx.names():
        try:
            fetch(folder / name, _URL + name, _SHA256[name])
        except ConnectionError as error:
            if not (folder / name).is_file():
                raise
            errors.append(error)
    return idx.load(folder, _SHA256, errors)
