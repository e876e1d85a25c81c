"""What users pass as data, made into batches: arrays, HDF5 datasets, sequences of batches, generators."""
