"""The same work on pykernels and on its peers, measured in one run. See ``bench/README.md``."""
