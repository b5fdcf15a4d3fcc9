"""Writes test-data/format.json: numbers as Python formats them.

    python notebooks-reference/record_format.py

Each number is given by its 64 bits in hexadecimal, because JSON has no nan, no inf and no fixed digits.
"""

import json
import math
import random
import struct
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "test-data" / "format.json"


def bits(value):
    return struct.pack(">d", value).hex()


def from_bits(number):
    return struct.unpack(">d", struct.pack(">Q", number))[0]


def float32(value):
    return struct.unpack(">f", struct.pack(">f", value))[0]


def numbers():
    yield from [0.0, -0.0, math.nan, math.inf, -math.inf]
    # Ties of {:.4f} that are exact in binary, up and down.
    yield from [0.90625, 0.03125, 0.09375, -0.90625, 0.00003125, 0.00005, 0.00015, 2.00005, 1.5, 2.5, 0.5]
    # Where repr changes its notation.
    yield from [1e16, 9999999999999998.0, 1e15, 123456789012345680.0, 1e-4, 1e-5, 0.00012345, 9.999e-5, 1e22, 1e23]
    # The ends of the range, and neighbours of round numbers.
    yield from [5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308]
    yield from [0.1, 0.2, 0.1 + 0.2, 1 / 3, 2 / 3, 100.0, 1e100, 4.35, 2.675, 0.9999, 0.99995, 0.99994999, -1e-9]
    # Gaps below a power of two are half as wide as those above it.
    yield from [2.0**exponent for exponent in range(-1074, 1024, 7)]
    yield from [2.0**exponent for exponent in (-44, -1022, 89, 122, -24, 53, 54, 63, 64)]
    source = random.Random(42)
    for _ in range(60):
        yield source.random()
        yield float32(source.random())
        yield float32(source.expovariate(1))
        yield from_bits(source.getrandbits(64))


OUT.write_text(
    "[\n"
    + ",\n".join(
        json.dumps({"bits": bits(x), "repr": repr(x), "fixed4": f"{x:.4f}", "fixed0": f"{x:.0f}"})
        # {:.4f} of 1e300 is three hundred digits that show nothing more.
        if not math.isfinite(x) or abs(x) < 1e30
        else json.dumps({"bits": bits(x), "repr": repr(x)})
        for x in numbers()
    )
    + "\n]\n"
)
