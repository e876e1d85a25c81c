"""The argument tables: every line of them does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pykernels.compat import arguments as compat_names
from pykernels.compat.arguments import (
    JOINED,
    NEUTRAL,
    REFUSED,
    RENAMED,
    SPREAD,
    WITHOUT_EFFECT,
    accepts_old_names,
    translate,
)

_VALUE = object()


@pytest.mark.parametrize(("name", "old", "new"), [(n, o, v) for n, table in RENAMED.items() for o, v in table.items()])
def test_every_renamed_argument(name, old, new):
    assert translate(name, {old: _VALUE, "other": 1}) == {new: _VALUE, "other": 1}
    assert old != new
    with pytest.raises(TypeError, match=f"both '{new}' and '{old}'"):
        translate(name, {old: 1, new: 2})


@pytest.mark.parametrize(("name", "new"), [(n, new) for n, table in JOINED.items() for new in table])
def test_every_joined_argument(name, new):
    olds = JOINED[name][new]
    assert translate(name, dict(zip(olds, (3, 5), strict=True))) == {new: (3, 5)}
    with pytest.raises(TypeError, match="together"):
        translate(name, {olds[0]: 3})
    with pytest.raises(TypeError, match=new):
        translate(name, {**dict.fromkeys(olds, 3), new: 3})


@pytest.mark.parametrize(("name", "old"), [(n, old) for n, table in SPREAD.items() for old in table])
def test_every_spread_argument(name, old):
    news = SPREAD[name][old]
    assert translate(name, {old: _VALUE}) == dict.fromkeys(news, _VALUE)
    for new in news:
        with pytest.raises(TypeError, match=f"both '{new}' and '{old}'"):
            translate(name, {old: 1, new: 2})


@pytest.mark.parametrize(("name", "old"), [(n, old) for n, table in NEUTRAL.items() for old in table])
def test_every_neutral_value_is_dropped(name, old):
    for value in NEUTRAL[name][old]:
        assert translate(name, {old: value, "other": 1}) == {"other": 1}
    if old in REFUSED.get(name, {}):
        with pytest.raises(TypeError, match=old):
            translate(name, {old: True})
    else:
        assert translate(name, {old: "th"}) != {}


@pytest.mark.parametrize(("name", "old"), [(n, old) for n, table in WITHOUT_EFFECT.items() for old in table])
def test_arguments_without_effect_are_dropped(name, old):
    assert translate(name, {old: 4}) == {}


def test_what_is_refused_says_what_to_do_instead():
    with pytest.raises(TypeError, match="normalization of each feature"):
        translate("BatchNormalization", {"mode": 1})
    with pytest.raises(TypeError, match="SpatialDropout1D"):
        translate("Embedding", {"dropout": 0.2})


def test_values_are_translated_with_their_name():
    assert translate("MaxPooling2D", {"dim_ordering": "th"}) == {"data_format": "channels_first"}
    assert translate("Conv2D", {"dim_ordering": "tf", "border_mode": "same"}) == {
        "data_format": "channels_last",
        "padding": "same",
    }


def test_nothing_to_do_gives_the_same_dict_and_changes_nothing():
    kwargs = {"units": 3}
    assert translate("Dense", kwargs) is kwargs
    assert translate("NoSuchThing", kwargs) is kwargs
    old = {"output_dim": 3}
    translate("Dense", old)
    assert old == {"output_dim": 3}


def test_the_decorator_translates_and_keeps_the_signature():
    @accepts_old_names("Dense")
    def function(units, kernel_initializer=None):
        return units, kernel_initializer

    assert function(output_dim=3, init="normal") == (3, "normal")
    assert function(3, kernel_initializer="zeros") == (3, "zeros")
    assert function.__name__ == "function"
    with pytest.raises(TypeError, match="both 'units' and 'output_dim'"):
        function(3, output_dim=4)
    with pytest.raises(KeyError, match="Densee"):
        accepts_old_names("Densee")


def test_every_entry_has_a_consumer_and_no_refused_argument_is_taken():
    """The names that the package passes to `accepts_old_names`, `translate` or `_old_names` are those of the tables."""
    package = Path(compat_names.__file__).parent.parent
    source = "".join(p.read_text() for p in package.rglob("*.py") if p != Path(compat_names.__file__))
    used = set(re.findall(r'(?:accepts_old_names|translate)\(\s*"(\w+)"|_old_names = "(\w+)"', source))
    used = {name for pair in used for name in pair if name}
    tables = (RENAMED, JOINED, SPREAD, NEUTRAL, WITHOUT_EFFECT, REFUSED, compat_names.CONVERTED)
    assert {name for table in tables for name in table} == used
    for name, refused in REFUSED.items():
        assert not set(refused) & set(RENAMED.get(name, {}))


def test_log_names_are_an_involution_free_map():
    assert compat_names.LOG_NAMES["acc"] == "accuracy"
    assert not set(compat_names.LOG_NAMES) & set(compat_names.LOG_NAMES.values())
