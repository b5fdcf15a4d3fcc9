"""Takes weights that were saved elsewhere through real Python and saves them again.

    python exchange_weights.py IN OUT

IN holds model.pt and model.safetensors with the same weights. Both are loaded as strictly as Python can; printed is
a JSON object with the SHA-256 of each parameter; OUT gets both files anew, written by torch and by safetensors.
"""

import hashlib
import json
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import article


def main(source, target):
    weights = torch.load(source / "model.pt", weights_only=True)
    if type(weights) is not OrderedDict:
        raise SystemExit(f"model.pt holds a {type(weights)}")
    mapped = torch.load(source / "model.pt", weights_only=True, mmap=True)
    hidden_size, in_size = weights["linear1.weight"].shape
    model = article.MnistModel(in_size, hidden_size, article.NUM_CLASSES).to(weights["linear1.weight"].dtype)
    model.load_state_dict(weights, strict=True)
    for name, tensor in load_file(source / "model.safetensors").items():
        for other in (model.state_dict()[name], mapped[name]):
            if tensor.dtype != other.dtype or not torch.equal(tensor, other):
                raise SystemExit(f"{name} differs between the files")
    state_dict = model.state_dict()
    torch.save(state_dict, target / "model.pt")
    save_file(state_dict, target / "model.safetensors")
    print(json.dumps({name: hashlib.sha256(p.numpy().tobytes()).hexdigest() for name, p in state_dict.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
