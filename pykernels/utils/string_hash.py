"""Hashes of byte strings that are the same everywhere and always, with the values of TensorFlow's.

FarmHash's `Fingerprint64` (Pike, Alakuijala: https://github.com/google/farmhash, `farmhashna`) and SipHash-2-4
(Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012).
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotate(x: int, by: int) -> int:  # to the right
    x &= _MASK
    return (x >> by | x << (64 - by)) & _MASK


def _shift_mix(x: int) -> int:
    x &= _MASK
    return x ^ x >> 47


def _word(s: bytes, at: int) -> int:
    return struct.unpack_from("<Q", s, at)[0]


def _mix(u: int, v: int, mul: int) -> int:
    a = _shift_mix((u ^ v) * mul)
    return _shift_mix((v & _MASK ^ a) * mul) * mul & _MASK


def _short(s: bytes) -> int:
    n = len(s)
    mul = _K2 + 2 * n
    if n >= 8:
        a, b = _word(s, 0) + _K2, _word(s, n - 8)
        return _mix((_rotate(b, 37) * mul + a) & _MASK, (_rotate(a, 25) + b) * mul & _MASK, mul)
    if n >= 4:
        first, last = struct.unpack_from("<I", s)[0], struct.unpack_from("<I", s, n - 4)[0]
        return _mix(n + (first << 3), last, mul)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[n - 1] << 2)
        return _shift_mix(y * _K2 & _MASK ^ z * _K0 & _MASK) * _K2 & _MASK
    return _K2


def _medium(s: bytes, mul: int) -> tuple[int, int, int, int]:
    """The first two words and, multiplied, the last two, of 17 to 64 bytes."""
    n = len(s)
    return _word(s, 0), _word(s, 8), _word(s, n - 8) * mul, _word(s, n - 16) * _K2


def _to_32(s: bytes) -> int:
    mul = _K2 + 2 * len(s)
    a, b, c, d = _medium(s, mul)
    a *= _K1
    return _mix((_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)


def _to_64(s: bytes) -> int:
    n, mul = len(s), _K2 + 2 * len(s)
    a, b, c, d = _medium(s, mul)
    a *= _K2
    y = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
    z = _mix(y, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)
    e, f = _word(s, 16) * mul, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * mul, (z + _word(s, n - 24)) * mul
    return _mix((_rotate(e + f, 43) + _rotate(g, 30) + h) & _MASK, (e + _rotate(f + a, 18) + g) & _MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = struct.unpack_from("<4Q", s, at)
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


def _long(s: bytes) -> int:
    n = len(s)
    x, y = 81, (81 * _K1 + 113) & _MASK
    z = _shift_mix(y * _K2 + 113) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(s, 0)) & _MASK

    def step(at: int, mul: int, scale: int):
        nonlocal x, y, z, v, w
        x = _rotate(x + y + v[0] + _word(s, at + 8), 37) * mul & _MASK
        y = _rotate(y + v[1] + _word(s, at + 48), 42) * mul & _MASK
        x ^= w[1] * scale & _MASK
        y = (y + v[0] * scale + _word(s, at + 40)) & _MASK
        z = _rotate(z + w[0], 33) * mul & _MASK
        v = _weak(s, at, v[1] * mul & _MASK, (x + w[0]) & _MASK)
        w = _weak(s, at + 32, (z + w[1]) & _MASK, (y + _word(s, at + 16)) & _MASK)
        z, x = x, z

    for at in range(0, (n - 1) // 64 * 64, 64):
        step(at, _K1, 1)
    mul = _K1 + ((z & 0xFF) << 1)
    w = ((w[0] + (n - 1 & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    step(n - 64, mul, 9)
    first = (_mix(v[0], w[0], mul) + _shift_mix(y) * _K0 + z) & _MASK
    return _mix(first, (_mix(v[1], w[1], mul) + x) & _MASK, mul)


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64 of `s`: an int below 2**64."""
    n = len(s)
    if n <= 16:
        return _short(s)
    if n <= 32:
        return _to_32(s)
    return _to_64(s) if n <= 64 else _long(s)


def siphash64(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of `s`, an int below 2**64, with a key of two 64-bit ints."""
    k0, k1 = (k & _MASK for k in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & _MASK
            v[1] = _rotate(v[1], 64 - 13) ^ v[0]
            v[0] = _rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & _MASK
            v[3] = _rotate(v[3], 64 - 16) ^ v[2]
            v[0] = (v[0] + v[3]) & _MASK
            v[3] = _rotate(v[3], 64 - 21) ^ v[0]
            v[2] = (v[2] + v[1]) & _MASK
            v[1] = _rotate(v[1], 64 - 17) ^ v[2]
            v[2] = _rotate(v[2], 32)

    whole = len(s) // 8 * 8
    tail = s[whole:] + bytes(7 - len(s) % 8) + bytes((len(s) & 0xFF,))
    for (m,) in struct.iter_unpack("<Q", s[:whole] + tail):
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def fingerprint_of_two(a: int, b: int) -> int:
    """One hash of two, in which their order counts (TensorFlow's `FingerprintCat64`)."""
    mul = 0xC6A4A7935BD1E995
    mixed = (a ^ mul ^ _shift_mix(b * mul) * mul) & _MASK
    return _shift_mix(_shift_mix(mixed * mul) * mul)
