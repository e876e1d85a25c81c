# ruff: noqa
"""What a course of 2016 imports for each lesson, in the spelling of Keras 1, and its helpers for pictures and data."""

from __future__ import division, print_function

import itertools
import math
import os
from glob import glob

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import backend as K
from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.layers import LSTM, Bidirectional, Embedding, Input, Reshape, TimeDistributed, merge
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.convolutional import *
from keras.layers.core import Activation, Dense, Dropout, Flatten, Lambda
from keras.layers.normalization import BatchNormalization
from keras.layers.pooling import GlobalAveragePooling2D
from keras.layers.recurrent import GRU, SimpleRNN
from keras.metrics import categorical_crossentropy
from keras.models import Model, Sequential
from keras.optimizers import SGD, Adam, RMSprop
from keras.preprocessing import image, sequence
from keras.regularizers import l1, l2
from keras.utils import np_utils
from keras.utils.data_utils import get_file
from keras.utils.layer_utils import layer_from_config
from keras.utils.np_utils import to_categorical
from numpy.random import normal, permutation, random, uniform
from vgg16 import *

try:
    from sklearn.metrics import confusion_matrix
except ImportError:

    def confusion_matrix(true, predicted):
        found = np.zeros((2, 2), int)
        np.add.at(found, (np.asarray(true, int), np.asarray(predicted, int)), 1)
        return found


np.set_printoptions(precision=4, linewidth=100)


def gray(img):
    return np.dot(img[..., :3], [0.299, 0.587, 0.114])


def to_plot(img):
    if K.image_dim_ordering() == "tf":
        return np.rollaxis(img, 0, 1).astype(np.uint8)
    return np.rollaxis(img, 0, 3).astype(np.uint8)


def plots(ims, figsize=(12, 6), rows=1, titles=None):
    if isinstance(ims[0], np.ndarray):
        ims = np.array(ims).astype(np.uint8)
        if ims.shape[-1] != 3:
            ims = ims.transpose((0, 2, 3, 1))
    f = plt.figure(figsize=figsize)
    for i in range(len(ims)):
        sp = f.add_subplot(rows, len(ims) // rows, i + 1)
        sp.axis("Off")
        if titles is not None:
            sp.set_title(titles[i], fontsize=16)
        plt.imshow(ims[i])


def get_batches(
    dirname,
    gen=image.ImageDataGenerator(),
    shuffle=True,
    batch_size=4,
    class_mode="categorical",
    target_size=(224, 224),
):
    return gen.flow_from_directory(
        dirname, target_size=target_size, class_mode=class_mode, shuffle=shuffle, batch_size=batch_size
    )


def onehot(x):
    return to_categorical(x)


def get_data(path, target_size=(224, 224)):
    batches = get_batches(path, shuffle=False, batch_size=1, class_mode=None, target_size=target_size)
    return np.concatenate([batches.next() for i in range(batches.nb_sample)])


def plot_confusion_matrix(cm, classes, normalize=False, title="Confusion matrix", cmap=plt.cm.Blues):
    plt.figure()
    plt.imshow(cm, interpolation="nearest", cmap=cmap)
    plt.title(title)
    plt.colorbar()
    tick_marks = np.arange(len(classes))
    plt.xticks(tick_marks, classes, rotation=45)
    plt.yticks(tick_marks, classes)
    thresh = cm.max() / 2.0
    for i, j in itertools.product(range(cm.shape[0]), range(cm.shape[1])):
        plt.text(j, i, cm[i, j], horizontalalignment="center", color="white" if cm[i, j] > thresh else "black")
    plt.tight_layout()
    plt.ylabel("True label")
    plt.xlabel("Predicted label")
