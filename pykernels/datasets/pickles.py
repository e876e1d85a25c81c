"""Pickled arrays and lists of numbers, as the published data files have them, read by an interpreter of our own.

A pickle is a program: Python's reader imports and calls what it names. Here four names mean something (the three with
which NumPy's arrays are written, and the one that makes bytes of text), none of them is ever imported or called, and
every other one is refused. What comes out are numbers, text, bytes, lists, tuples, dicts, and NumPy arrays.
"""

from __future__ import annotations

import codecs
import math
import pickle
import re
import struct

import numpy as np

from ..utils.load_budget import LoadBudget

_KNOWN = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("_codecs", "encode"): "encode",
}
# Most of such a file are runs of small numbers. Python's own reader is fed these, which name nothing.
_BINARY_RUN = re.compile(rb"(?:K.|M..|J....){2,1000}", re.DOTALL)
_TEXT_RUN = re.compile(rb"(?:I-?\d{1,18}\na){2,1000}")
_DTYPE = re.compile(r"([biuf][1248]|O[48]?)")
_NUMBER_BYTES, _ENTRY_BYTES = 40, 120  # of a number in a list, of a container or memorized value
_STATE_ARRAY, _STATE_DTYPE = 5, 3


class RefusedPickleError(pickle.UnpicklingError, ValueError):
    """A pickle that names something else than arrays and numbers."""


class _Name(str):
    """One of the values of `_KNOWN`, which a pickle called by its name."""


class _DType:
    def __init__(self, code: str):
        if _DTYPE.fullmatch(code) is None:
            raise ValueError(f"arrays of dtype '{code}'")
        self.code, self.order = code, "="

    def build(self, state) -> None:
        order = _text(state[1])
        if len(state) < _STATE_DTYPE or order not in ("<", ">", "=", "|"):
            raise ValueError("a dtype with another state")
        self.order = order

    @property
    def is_object(self) -> bool:
        return self.code[0] == "O"

    def numpy(self) -> np.dtype:
        return np.dtype("O" if self.is_object else self.order.replace("|", "=") + self.code)


class _Array:
    """An array that is being made; its contents come last."""

    value: np.ndarray | None = None

    def build(self, state, budget: LoadBudget) -> None:
        if len(state) != _STATE_ARRAY or not isinstance(state[2], _DType):
            raise ValueError("an array with another state")
        _, shape, dtype, by_columns, data = state
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"an array of shape {shape}")
        budget.allocate(math.prod(shape) * 8, f"an array of shape {tuple(shape)}")
        if dtype.is_object:
            flat = np.empty(len(data), dtype=object)
            for i, item in enumerate(data):
                flat[i] = plain(item)
        else:
            flat = np.frombuffer(bytearray(data), dtype.numpy())
        self.value = flat.reshape(shape, order="F" if by_columns else "C")


def plain(value):
    """A value with the arrays in place of what made them, within tuples, dicts, and lists that begin with one."""
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array without contents")
        return value.value
    if type(value) is tuple:
        return tuple(item.value if isinstance(item, _Array) else item for item in value)
    if type(value) is dict:
        return {key: item.value if isinstance(item, _Array) else item for key, item in value.items()}
    if type(value) is list and value and isinstance(value[0], _Array):
        return [item.value if isinstance(item, _Array) else item for item in value]
    return value


def _text(value) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def loads(data: bytes, name: str, budget: LoadBudget | None = None):
    """The value in a pickle of any protocol. What Python 2 called `str` becomes bytes.

    Args:
        data: the pickle.
        name: of the file, for messages.
        budget: what reading the file may cost. Default: that of a file as long as `data`.

    Raises:
        RefusedPickleError: it names something else than arrays. It is a `pickle.UnpicklingError`, as Keras raises, and
            a ValueError.
        ValueError: it is damaged, no pickle, holds something else than arrays and numbers, or asks for more memory than
            a file of its size may.
    """
    budget = budget or LoadBudget(name, len(data))
    try:
        return plain(_Machine(data, name, budget).run())
    except RefusedPickleError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, struct.error) as error:
        if name in str(error):
            raise
        raise ValueError(
            f"{name} is damaged, or is not a pickle of arrays and lists of numbers. Delete it and get it again."
        ) from error


class _Machine:
    """Runs the program that a pickle is."""

    def __init__(self, data: bytes, name: str, budget: LoadBudget):
        self._data, self._name, self._budget, self._at = data, name, budget, 0
        self._stack: list = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self):
        while (code := self._take(1)) != b".":
            if code in b"KMJ" and (run := _BINARY_RUN.match(self._data, self._at - 1)):
                self._numbers(run, len(self._stack))
            elif code == b"I" and (run := _TEXT_RUN.match(self._data, self._at - 1)):
                self._numbers(run, None)
            else:
                _CODES[code](self)
        return self._stack.pop()

    # --- bytes ----------------------------------------------------------------------------------------------
    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if count < 0 or len(piece) != count:
            raise ValueError("it ends too early")
        self._at += count
        return piece

    def _number(self, form: str) -> int:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> bytes:
        end = self._data.index(b"\n", self._at)
        line, self._at = self._data[self._at : end], end + 1
        return line

    def _counted(self, form: str) -> bytes:
        size = self._number(form)
        self._budget.allocate(size + _NUMBER_BYTES, "its text")
        return self._take(size)

    def _numbers(self, run: re.Match, position) -> None:
        """A run of numbers: onto the stack, or, written in text, to the end of the list that is there."""
        self._at = run.end()
        if position is None:
            found, target = pickle.loads(b"]" + run.group() + b"."), self._stack[-1]
            if type(target) is not list:
                raise ValueError("it appends to what is no list")
        else:
            found, target = pickle.loads(b"\x80\x02(" + run.group() + b"l."), self._stack
        self._budget.allocate(_NUMBER_BYTES * len(found), "lists of numbers")
        target.extend(found)

    # --- the stack ------------------------------------------------------------------------------------------
    def push(self, value) -> None:
        self._stack.append(value)

    def _entry(self, value) -> None:
        self._budget.allocate(_ENTRY_BYTES, "its lists")
        self._stack.append(value)

    def _above_mark(self) -> list:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _tuple(self, count: int) -> None:
        items = tuple(self._stack[-count:])
        if len(items) != count:
            raise ValueError("it takes values that are not there")
        del self._stack[-count:]
        self._entry(items)

    def _append(self, items: list) -> None:
        if type(self._stack[-1]) is not list:
            raise ValueError("it appends to what is no list")
        self._budget.allocate(8 * len(items), "its lists")
        self._stack[-1].extend(items)

    def _set(self, items: list) -> None:
        if type(self._stack[-1]) is not dict:
            raise ValueError("it sets items of what is no dict")
        self._budget.allocate(_ENTRY_BYTES * len(items), "its dicts")
        self._stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _dict(self, items: list) -> None:
        self._entry({})
        self._set(items)

    def _put(self, place: int) -> None:
        self._budget.allocate(_ENTRY_BYTES, "its memorized values")
        self._memo[place] = self._stack[-1]

    # --- what it names --------------------------------------------------------------------------------------
    def _name_of(self, module: str, name: str) -> None:
        if (module, name) not in _KNOWN:
            raise RefusedPickleError(
                f"Refusing to deserialize `{module}.{name}` while loading {self._name}: data files hold arrays and "
                "lists of numbers. The file may be corrupted or malicious."
            )
        self.push(_Name(_KNOWN[module, name]))

    def _stack_name(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name_of(_text(module), _text(name))

    def _call(self) -> None:
        args, name = self._stack.pop(), self._stack.pop()
        if not isinstance(name, _Name) or type(args) is not tuple:
            raise ValueError("it calls what cannot be called")
        if name == "array":
            self._entry(_Array())
        elif name == "dtype":
            self._entry(_DType(_text(args[0])))
        elif name == "encode" and args[1:] == ("latin1",):
            self._budget.allocate(len(args[0]), "its bytes")
            self.push(args[0].encode("latin1"))
        else:
            raise ValueError(f"it calls {name}")

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, _Array):
            target.build(state, self._budget)
        elif isinstance(target, _DType):
            target.build(state)
        else:
            raise ValueError("it sets the state of what has none")


def _integer(line: bytes):
    return line == b"01" if line in (b"00", b"01") else int(line)  # so were booleans written first


def _quoted(line: bytes) -> bytes:
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError("text without its quotes")
    return codecs.escape_decode(line[1:-1])[0]


def _pop(m: _Machine) -> None:
    if m._marks and m._marks[-1] == len(m._stack):
        m._marks.pop()
    else:
        m._stack.pop()


# What each instruction does (the names in `pickle` of the standard library are beside those that need one).
_CODES = {
    b"\x80": lambda m: m._take(1),  # PROTO
    b"\x95": lambda m: m._take(8),  # FRAME
    b"(": lambda m: m._marks.append(len(m._stack)),
    b"0": _pop,
    b"1": lambda m: m._above_mark(),  # POP_MARK
    b"2": lambda m: m.push(m._stack[-1]),  # DUP
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": lambda m: m.push(_integer(m._line())),
    b"L": lambda m: m.push(int(m._line().rstrip(b"L"))),
    b"K": lambda m: m.push(m._number("<B")),
    b"M": lambda m: m.push(m._number("<H")),
    b"J": lambda m: m.push(m._number("<i")),
    b"\x8a": lambda m: m.push(int.from_bytes(m._counted("<B"), "little", signed=True)),  # LONG1
    b"F": lambda m: m.push(float(m._line())),
    b"G": lambda m: m.push(m._number(">d")),
    b"S": lambda m: m.push(_quoted(m._line())),
    b"T": lambda m: m.push(m._counted("<I")),  # BINSTRING
    b"U": lambda m: m.push(m._counted("<B")),
    b"B": lambda m: m.push(m._counted("<I")),  # BINBYTES
    b"C": lambda m: m.push(m._counted("<B")),
    b"\x8e": lambda m: m.push(m._counted("<Q")),  # BINBYTES8
    b"V": lambda m: m.push(m._line().decode("raw-unicode-escape")),
    b"X": lambda m: m.push(m._counted("<I").decode("utf-8", "surrogatepass")),  # BINUNICODE
    b"\x8c": lambda m: m.push(m._counted("<B").decode("utf-8", "surrogatepass")),
    b"\x8d": lambda m: m.push(m._counted("<Q").decode("utf-8", "surrogatepass")),
    b"]": lambda m: m._entry([]),
    b"l": lambda m: m._entry(m._above_mark()),
    b"a": lambda m: m._append([m._stack.pop()]),
    b"e": lambda m: m._append(m._above_mark()),  # APPENDS
    b")": lambda m: m.push(()),
    b"t": lambda m: m._entry(tuple(m._above_mark())),
    b"\x85": lambda m: m._tuple(1),
    b"\x86": lambda m: m._tuple(2),
    b"\x87": lambda m: m._tuple(3),
    b"}": lambda m: m._entry({}),
    b"d": lambda m: m._dict(m._above_mark()),
    b"s": lambda m: m._set([m._stack.pop(-2), m._stack.pop()]),  # SETITEM
    b"u": lambda m: m._set(m._above_mark()),
    b"p": lambda m: m._put(int(m._line())),
    b"q": lambda m: m._put(m._number("<B")),
    b"r": lambda m: m._put(m._number("<I")),
    b"\x94": lambda m: m._put(len(m._memo)),  # MEMOIZE
    b"g": lambda m: m.push(m._memo[int(m._line())]),
    b"h": lambda m: m.push(m._memo[m._number("<B")]),
    b"j": lambda m: m.push(m._memo[m._number("<I")]),
    b"c": lambda m: m._name_of(m._line().decode(), m._line().decode()),  # GLOBAL
    b"\x93": lambda m: m._stack_name(),  # STACK_GLOBAL
    b"R": lambda m: m._call(),  # REDUCE
    b"b": lambda m: m._build(),
}
