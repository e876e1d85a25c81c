"""Every layer type with options that change what it computes or keeps: for tests of files and of exports."""

from __future__ import annotations

IMAGE, SEQUENCE, FLAT = (8, 9, 4), (7, 4), (6,)

# name -> (input shape, [options, ...])
LAYERS = {
    "Dense": (FLAT, [{"units": 3}, {"units": 2, "use_bias": False, "activation": "tanh", "kernel_regularizer": "l2"}]),
    "EinsumDense": (SEQUENCE, [{"equation": "abc,cd->abd", "output_shape": (7, 4), "bias_axes": "d"}]),
    "Embedding": (FLAT, [{"input_dim": 9, "output_dim": 3}, {"input_dim": 9, "output_dim": 2, "mask_zero": True}]),
    "Masking": (SEQUENCE, [{"mask_value": 0.5}]),
    "LSTM": (
        SEQUENCE,
        [
            {"units": 3},
            {"units": 2, "return_sequences": True, "go_backwards": True, "recurrent_activation": "hard_sigmoid"},
        ],
    ),
    "GRU": (SEQUENCE, [{"units": 3}, {"units": 2, "reset_after": False, "return_sequences": True}]),
    "SimpleRNN": (SEQUENCE, [{"units": 3}]),
    "Activation": (FLAT, [{"activation": a} for a in ("relu", "softmax", "gelu", "selu", "swish")]),
    "Dropout": (FLAT, [{"rate": 0.5, "seed": 3}, {"rate": 0.0}]),
    "AlphaDropout": (FLAT, [{"rate": 0.1}]),
    "GaussianDropout": (FLAT, [{"rate": 0.1}]),
    "GaussianNoise": (FLAT, [{"stddev": 0.1}]),
    "SpatialDropout1D": (SEQUENCE, [{"rate": 0.1}]),
    "SpatialDropout2D": (IMAGE, [{"rate": 0.1}]),
    "ELU": (FLAT, [{"alpha": 0.5}]),
    "LeakyReLU": (FLAT, [{"negative_slope": 0.1}]),
    "PReLU": (IMAGE, [{}, {"shared_axes": [1, 2], "alpha_initializer": "ones"}]),
    "ReLU": (FLAT, [{"max_value": 0.8, "negative_slope": 0.1, "threshold": 0.2}]),
    "Softmax": (SEQUENCE, [{}, {"axis": 1}]),
    "Identity": (IMAGE, [{}]),
    "Flatten": (IMAGE, [{}, {"data_format": "channels_first"}]),
    "Reshape": (IMAGE, [{"target_shape": (9, -1)}]),
    "Permute": (IMAGE, [{"dims": (3, 1, 2)}]),
    "RepeatVector": (FLAT, [{"n": 3}]),
    "Rescaling": (FLAT, [{"scale": 0.5, "offset": 1.0}]),
    "ZeroPadding1D": (SEQUENCE, [{"padding": 2}]),
    "ZeroPadding2D": (IMAGE, [{"padding": 2}, {"padding": ((1, 0), (2, 3))}]),
    "Cropping1D": (SEQUENCE, [{"cropping": (1, 2)}]),
    "Cropping2D": (IMAGE, [{"cropping": ((1, 0), (2, 1))}]),
    "UpSampling1D": (SEQUENCE, [{"size": 3}]),
    "UpSampling2D": (IMAGE, [{"size": 2}, {"size": (2, 3), "interpolation": "bilinear"}]),
    "MaxPooling1D": (SEQUENCE, [{"pool_size": 3, "strides": 2, "padding": "same"}]),
    "AveragePooling1D": (SEQUENCE, [{"pool_size": 3, "padding": "same"}]),
    "MaxPooling2D": (IMAGE, [{}, {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}]),
    "AveragePooling2D": (IMAGE, [{"pool_size": 2}, {"pool_size": 3, "strides": 2, "padding": "same"}]),
    "GlobalAveragePooling1D": (SEQUENCE, [{}, {"keepdims": True}]),
    "GlobalAveragePooling2D": (IMAGE, [{}, {"keepdims": True}]),
    "GlobalMaxPooling1D": (SEQUENCE, [{}]),
    "GlobalMaxPooling2D": (IMAGE, [{}]),
    "Conv1D": (SEQUENCE, [{"filters": 3, "kernel_size": 3}, {"filters": 2, "kernel_size": 2, "padding": "causal"}]),
    "Conv2D": (
        IMAGE,
        [
            {"filters": 3, "kernel_size": 3, "activation": "relu"},
            {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same", "groups": 2, "use_bias": False},
            {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "kernel_constraint": "max_norm"},
        ],
    ),
    "Conv1DTranspose": (
        SEQUENCE,
        [
            {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"filters": 2, "kernel_size": 2, "strides": 3, "output_padding": 1, "activation": "relu"},
        ],
    ),
    "Conv2DTranspose": (
        IMAGE,
        [
            {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"filters": 2, "kernel_size": (2, 4), "strides": (3, 1), "use_bias": False},
        ],
    ),
    "DepthwiseConv1D": (SEQUENCE, [{"kernel_size": 3}]),
    "DepthwiseConv2D": (IMAGE, [{"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}]),
    "SeparableConv1D": (SEQUENCE, [{"filters": 3, "kernel_size": 3}]),
    "SeparableConv2D": (IMAGE, [{"filters": 3, "kernel_size": 3, "depth_multiplier": 2}]),
    "BatchNormalization": (IMAGE, [{}, {"scale": False, "epsilon": 1e-2}, {"axis": 1, "center": False}]),
    "LayerNormalization": (IMAGE, [{}, {"axis": [1, 2, 3], "epsilon": 1e-2}]),
    "GroupNormalization": (IMAGE, [{"groups": 2}]),
    "RMSNormalization": (SEQUENCE, [{}, {"axis": [1, 2]}]),
    "UnitNormalization": (FLAT, [{}]),
    "UpSampling3D": ((3, 4, 2, 2), [{"size": (1, 2, 3)}]),
    "Resizing": (
        IMAGE,
        [
            {"height": 5, "width": 6},
            {"height": 12, "width": 6, "interpolation": "bicubic", "pad_to_aspect_ratio": True},
        ],
    ),
    "CenterCrop": (IMAGE, [{"height": 5, "width": 6}]),
    "RandomFlip": (IMAGE, [{"mode": "horizontal", "seed": 1}]),
    "RandomRotation": (IMAGE, [{"factor": 0.1, "seed": 1}]),
    "RandomZoom": (IMAGE, [{"height_factor": 0.2, "seed": 1}]),
    "RandomTranslation": (IMAGE, [{"height_factor": 0.2, "width_factor": 0.1, "seed": 1}]),
    "RandomContrast": (IMAGE, [{"factor": 0.3, "seed": 1}]),
    # Keras cannot write this one into .h5 files (test_augmentation.py has the other format)
    "RandomBrightness": (IMAGE, []),
    # of the inputs' size: outside of training Keras hands images on as they are, whatever shape it has announced
    "RandomCrop": (IMAGE, [{"height": 8, "width": 9, "seed": 1}]),
    "Normalization": (FLAT, [{"mean": [0.5] * 6, "variance": [2.0] * 6}, {"mean": 0.5, "variance": 2.0, "axis": None}]),
}
CASES = [(name, shape, options) for name, (shape, cases) in LAYERS.items() for options in cases]
MERGES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]
