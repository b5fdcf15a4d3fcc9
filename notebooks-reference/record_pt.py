"""Writes test-data/pt: small files as Python's torch.save writes them, and what is in them, bit for bit.

    python notebooks-reference/record_pt.py
"""

import json
import math
from collections import Counter
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
    "negated": {"matrix": torch._neg_view(torch.tensor([[1.5, -2.0, 0.0], [3.0, -0.25, 7.0]]).t())},
    "many": {str(i): torch.tensor(i, dtype=torch.int16) for i in range(300)},
}


def beside():
    """What a checkpoint may hold beside its model, and torch.load reads with weights_only=True."""
    tensor = torch.arange(6.0).view(2, 3)
    annotated = tensor.clone()
    annotated.note = "an attribute"
    parameter = torch.nn.Parameter(tensor.clone())
    parameter.note = 1
    return {
        "counter": Counter("counted"),
        "device": torch.device("cuda:1"),
        "dtypes": [torch.float32, torch.bfloat16, torch.uint16, torch.float8_e4m3fn, torch.complex64, torch.bool],
        "layout": tensor.layout,
        "size": tensor.size(),
        "set": {1, "two"},
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"abc"),
        "complex": 1 + 2j,
        "huge": 2**100,
        "nothing": None,
        1.5: "float",
        True: "bool",
        None: "None",
        (1, (2, "x")): "tuple",
        torch.float32: "dtype",
        "complex tensor": torch.tensor([1 + 2j]),
        "uint16 tensor": torch.tensor([1, 2], dtype=torch.uint16),
        "float8 tensor": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn),
        "meta tensor": torch.empty(2, 3, device="meta"),
        "sparse tensor": tensor.to_sparse(),
        "quantized tensor": torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
        "annotated tensor": annotated,
        "annotated parameter": parameter,
        "storage": torch.arange(4).untyped_storage(),
    }


def describe(tensor):
    data = tensor.detach().resolve_neg().contiguous().flatten().view(torch.uint8).numpy().tobytes()
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

for key in "model_state_dict", "state_dict", "model", "net":
    model = linear().state_dict()
    file = OUT / f"in_{key}.pt"
    torch.save({"epoch": 3, **beside(), key: model, "last": 1}, file)
    torch.load(file, weights_only=True)
    expected[f"in_{key}"] = {name: describe(tensor) for name, tensor in model.items()}

# Weights that cannot be used: of more elements than the file has, and such that the network answers NaN.
OUT_WEIGHTS = OUT / "unusable"
OUT_WEIGHTS.mkdir(exist_ok=True)


def record_mlp(name, first, filled=torch.full):
    weights = {
        "linear1.weight": first,
        "linear1.bias": filled((len(first),), 0.0),
        "linear2.weight": filled((10, len(first)), 1.0),
        "linear2.bias": filled((10,), 0.0),
    }
    torch.save(weights, OUT_WEIGHTS / f"{name}.pt")


def one_element(size, value):
    return torch.tensor(value).expand(size)


record_mlp("expanded", one_element((1_000_000, 784), 0.0), one_element)
record_mlp("nan", torch.full((2, 784), torch.nan))
record_mlp("overflows_in_float32", torch.full((2, 784), 1e300, dtype=torch.float64))
record_mlp("answers_nan", torch.full((2, 784), 3e38))

torch.serialization.set_crc32_options(False)
record("no_checksums", DTYPES)
torch.serialization.set_crc32_options(True)

# As on a machine with a GPU: the file says of every storage where it was.
torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, location: None)
record("cuda", linear().state_dict())

(OUT / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
