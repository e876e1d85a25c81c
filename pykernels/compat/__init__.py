"""Scripts written for Keras of any era, run by pykernels.

`install` makes ``import keras`` and ``import tensorflow`` mean pykernels through one import hook
(`pykernels.compat.hook`); the names it answers are data (`pykernels.compat.tables`), and so are the argument names of
earlier versions (`pykernels.compat.arguments`).
"""

from pykernels.compat.hook import (
    install,
    is_installed,
    load_ipython_extension,
    uninstall,
    unload_ipython_extension,
)

__all__ = ["install", "is_installed", "load_ipython_extension", "uninstall", "unload_ipython_extension"]
