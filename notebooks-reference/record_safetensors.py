"""Writes test-data/safetensors: small files as Python's safetensors writes them, and what is in them.

    python notebooks-reference/record_safetensors.py
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).resolve().parent.parent / "test-data" / "safetensors"
NAN, INF = math.nan, math.inf

DTYPES = {
    "f32": torch.tensor([[1.5, -0.0, NAN], [INF, -INF, 0.1]], dtype=torch.float32),
    "f64": torch.tensor([[math.pi, -0.0], [NAN, 5e-324]], dtype=torch.float64),
    "f16": torch.tensor([65504, -0.0, 6e-8, NAN, -INF], dtype=torch.float16),
    "bf16": torch.tensor([3.0e38, -0.0, 0.1, NAN, INF], dtype=torch.bfloat16),
    "i64": torch.tensor([-(2**63), 2**63 - 1, 2**53 + 1]),
    "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "i16": torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16),
    "i8": torch.tensor([-128, 127, 0], dtype=torch.int8),
    "u8": torch.tensor([0, 255, 128], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
}

# Several keys of metadata come in an order that changes from run to run: one key, so that bytes can be compared.
FILES = {
    "dtypes": (DTYPES, None),
    "scalar": ({"scalar": torch.tensor(2.5)}, None),
    "empty": ({"empty": torch.empty(0, 3), "nothing": torch.empty(2, 0, dtype=torch.int64)}, None),
    "no_tensors": ({}, None),
    "linear": (
        {
            "linear2.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 7,
            "linear1.bias": torch.tensor([0.5, -0.5]),
            "linear1.weight": torch.arange(8, dtype=torch.float32).reshape(2, 4),
        },
        {"format": "pt"},
    ),
    "names": (
        {name: torch.tensor([i], dtype=torch.uint8) for i, name in enumerate(["\ufb01", "\U0001f600", 'a/"b\\\n\x1f', ""])},
        {"Schlüssel": "Wert/\t"},
    ),
}


def values(tensor):
    """Every number as Python prints it, which JSON could not say for nan and inf."""
    return [repr(value) for value in tensor.flatten().tolist()]


OUT.mkdir(parents=True, exist_ok=True)
expected = {}
for name, (tensors, metadata) in FILES.items():
    save_file(tensors, OUT / f"{name}.safetensors", metadata)
    expected[name] = {
        "metadata": metadata or {},
        "tensors": {
            key: {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "values": values(tensor)}
            for key, tensor in tensors.items()
        },
    }
(OUT / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
