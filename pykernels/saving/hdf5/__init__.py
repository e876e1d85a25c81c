"""A reader of HDF5 files that nobody trusts."""
