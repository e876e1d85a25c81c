"""TensorFlow's own names, as scripts written for `tf.keras` use them; `compat.tables` says which module has which name.

Names that mean the same as an op are not here: the tables lead to `pykernels.ops`.
"""
