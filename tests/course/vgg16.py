# ruff: noqa
"""The fine-tuning helper of a course of 2016, in the spelling of Keras 1."""

import json

import numpy as np
from keras import backend as K
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.layers.core import Dense, Dropout, Flatten, Lambda
from keras.layers.normalization import BatchNormalization
from keras.layers.pooling import GlobalAveragePooling2D
from keras.models import Sequential
from keras.optimizers import SGD, Adam, RMSprop
from keras.preprocessing import image
from keras.utils.data_utils import get_file

vgg_mean = np.array([123.68, 116.779, 103.939], dtype=np.float32).reshape((3, 1, 1))


def vgg_preprocess(x):
    x = x - vgg_mean
    return x[:, ::-1]  # RGB to BGR


class Vgg16:
    def __init__(self, size=224, widths=(64, 128, 256, 512, 512), dense=4096):
        self.size = size
        model = self.model = Sequential()
        model.add(Lambda(vgg_preprocess, input_shape=(3, size, size), output_shape=(3, size, size)))
        for layers, filters in zip((2, 2, 3, 3, 3), widths):
            self.ConvBlock(layers, filters)
        model.add(Flatten())
        self.FCBlock(dense)
        self.FCBlock(dense)
        model.add(Dense(1000, activation="softmax"))

    def ConvBlock(self, layers, filters):
        for i in range(layers):
            self.model.add(ZeroPadding2D((1, 1)))
            self.model.add(Convolution2D(filters, 3, 3, activation="relu"))
        self.model.add(MaxPooling2D((2, 2), strides=(2, 2)))

    def FCBlock(self, units):
        self.model.add(Dense(units, activation="relu"))
        self.model.add(Dropout(0.5))

    def get_batches(self, path, gen=image.ImageDataGenerator(), shuffle=True, batch_size=8, class_mode="categorical"):
        return gen.flow_from_directory(
            path, target_size=(self.size, self.size), class_mode=class_mode, shuffle=shuffle, batch_size=batch_size
        )

    def ft(self, num):
        self.model.pop()
        for layer in self.model.layers:
            layer.trainable = False
        self.model.add(Dense(num, activation="softmax"))
        self.compile()

    def finetune(self, batches):
        self.ft(batches.nb_class)
        classes = list(iter(batches.class_indices))
        for c in batches.class_indices:
            classes[batches.class_indices[c]] = c
        self.classes = classes

    def compile(self, lr=0.001):
        self.model.compile(optimizer=Adam(lr=lr), loss="categorical_crossentropy", metrics=["accuracy"])

    def fit_data(self, trn, labels, val, val_labels, nb_epoch=1, batch_size=64):
        self.model.fit(trn, labels, nb_epoch=nb_epoch, validation_data=(val, val_labels), batch_size=batch_size)

    def fit(self, batches, val_batches, nb_epoch=1):
        self.model.fit_generator(
            batches,
            samples_per_epoch=batches.nb_sample,
            nb_epoch=nb_epoch,
            validation_data=val_batches,
            nb_val_samples=val_batches.nb_sample,
        )

    def test(self, path, batch_size=8):
        test_batches = self.get_batches(path, shuffle=False, batch_size=batch_size, class_mode=None)
        return test_batches, self.model.predict_generator(test_batches, test_batches.nb_sample)
