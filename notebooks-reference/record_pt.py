"""Writes test-data/pt: small files as Python's torch.save writes them, and what is in them, bit for bit.

    python notebooks-reference/record_pt.py
"""

import json
import math
from pathlib import Path

import torch

OUT = Path(__file__).resolve().parent.parent / "test-data" / "pt"


def floats(dtype, nan_bits):
    """Every kind of float: zeros, nans, infinities, the smallest and the largest, with and without a sign."""
    info = torch.finfo(dtype)
    numbers = [1.5, 0.0, math.nan, math.inf, 0.1, info.smallest_normal / 2, info.smallest_normal, info.max]
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    odd_nan = torch.tensor([nan_bits], dtype=integers).view(dtype)
    return torch.cat([torch.tensor(numbers, dtype=dtype), -torch.tensor(numbers, dtype=dtype), odd_nan])


NAMES = ["\ufb01", "\U0001f600", 'a/"b\\\n\x1f', "", "x" * 300]
DTYPES = {
    "f32": floats(torch.float32, 0x7FA12345),
    "f64": floats(torch.float64, 0x7FF4123456789ABC),
    "f16": floats(torch.float16, 0x7D23),
    "bf16": floats(torch.bfloat16, 0x7FA3),
    "i64": torch.tensor([-(2**63), 2**63 - 1, 2**53 + 1]),
    "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "i16": torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16),
    "i8": torch.tensor([-128, 127, 0], dtype=torch.int8),
    "u8": torch.tensor([0, 255, 128], dtype=torch.uint8),
    "bool": torch.tensor([[True], [False], [True]]),
}


def linear():
    """Two layers: the state dict is an OrderedDict with the attribute _metadata."""
    torch.manual_seed(42)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))


def views():
    """Tensors that are parts of a storage, and of one that others are parts of as well."""
    base = torch.arange(24, dtype=torch.float32)
    matrix = base.view(4, 6)
    return {
        "base": base,
        "transposed": matrix.t(),
        "columns": matrix[1:, ::2],
        "scalar": base[7],
        "nothing": matrix[2:2],
        "expanded": torch.tensor([[5], [6]]).expand(2, 3),
        "tied": base,
    }


FILES = {
    "dtypes": DTYPES,
    "scalar": {"scalar": torch.tensor(2.5)},
    "empty": {"empty": torch.empty(0, 3), "nothing": torch.empty(2, 0, dtype=torch.int64)},
    "no_tensors": {},
    "state_dict": linear().state_dict(),
    "parameters": linear().state_dict(keep_vars=True),
    "views": views(),
    "names": {name: torch.tensor([i]) for i, name in enumerate(NAMES)},
    "many": {str(i): torch.tensor(i, dtype=torch.int16) for i in range(300)},
}


def describe(tensor):
    data = tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return {
        "dtype": str(tensor.dtype),
        "shape": list(tensor.shape),
        "stride": list(tensor.stride()),
        "bytes": data.hex(),
    }


OUT.mkdir(parents=True, exist_ok=True)
expected = {}


def record(name, tensors, **options):
    torch.save(tensors, OUT / f"{name}.pt", **options)
    expected[name] = {key: describe(tensor) for key, tensor in tensors.items()}


for name, tensors in FILES.items():
    record(name, tensors)
for protocol in 3, 4, 5:
    record(f"protocol{protocol}", linear().state_dict(keep_vars=True), pickle_protocol=protocol)

torch.serialization.set_crc32_options(False)
record("no_checksums", DTYPES)
torch.serialization.set_crc32_options(True)

# As on a machine with a GPU: the file says of every storage where it was.
torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, location: None)
record("cuda", linear().state_dict())

(OUT / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
