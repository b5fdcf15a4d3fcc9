"""Records what torchvision does with MNIST files, ToTensor, make_grid and save_image, for the tests of the Java side.

    python record_vision.py DATA_ROOT > ../test-data/vision.json

DATA_ROOT holds MNIST/raw with the four unpacked files, as torchvision.datasets.MNIST wants it.
"""

import hashlib
import io
import json
import os
import struct
import sys
import tempfile

import torch

import article  # noqa: F401  before torchvision: it makes that importable beside a CPU build of torch
import numpy
import torchvision
from PIL import Image
from torchvision.datasets import MNIST
from torchvision.datasets.mnist import read_image_file, read_label_file, read_sn3_pascalvincent_tensor
from torchvision.transforms import ToTensor
from torchvision.utils import make_grid, save_image


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def values_of(tensor):
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "values": tensor.flatten().tolist(),
    }


def outcome(action):
    """What action returns, or what it raises."""
    try:
        return action()
    except Exception as e:
        return {"raises": type(e).__name__, "message": str(e).splitlines()[0] if str(e) else ""}


# --- IDX files ---------------------------------------------------------------------------------------------------


def idx(kind, sizes, data, magic=b"\0\0"):
    return magic + bytes([kind, len(sizes)]) + b"".join(struct.pack(">I", n) for n in sizes) + data


IDX_FILES = {
    "uint8": idx(8, [2, 2, 2], bytes([0, 1, 2, 3, 252, 253, 254, 255])),
    "int8": idx(9, [3], struct.pack(">3b", 1, -1, -128)),
    "int16": idx(11, [2, 2], struct.pack(">4h", 258, -2, 32767, -32768)),
    "int32": idx(12, [2], struct.pack(">2i", 65537, -2)),
    "float32": idx(13, [2, 1, 1], struct.pack(">2f", 1.5, -2.0)),
    "float64": idx(14, [2], struct.pack(">2d", 1.5, -0.1)),
    "no dimensions": idx(8, [], b"\1"),
    "four dimensions": idx(8, [1, 1, 1, 1], b"\1"),
    "type 7": idx(7, [1], b"\1"),
    "type 10": idx(10, [1], b"\1"),
    "type 15": idx(15, [1], b"\1"),
    "first byte not zero": idx(8, [1], b"\1", b"\1\0"),
    "second byte not zero": idx(8, [1], b"\1", b"\0\1"),
    "empty file": b"",
    "cut within the magic": b"\0\0\x08",
    "cut within the sizes": idx(8, [2, 2, 2], b"")[:14],
    "header only": idx(8, [2, 2, 2], b""),
    "no items": idx(8, [0, 2, 2], b""),
    "too short": idx(8, [2, 2, 2], b"\1" * 7),
    "too long": idx(8, [2, 2, 2], b"\1" * 9),
    "short by a part of an element": idx(11, [2], b"\0\1\0"),
    "web page": b"<html><body>404</body></html>",
    "sizes beyond any memory": idx(8, [0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF], b"\1"),
    "two gigabytes in one byte": idx(8, [0x7FFFFFFF], b"\1"),
}


def record_idx(folder):
    path = os.path.join(folder, "file")
    cases = []
    for name, content in IDX_FILES.items():
        with open(path, "wb") as f:
            f.write(content)
        read = outcome(lambda: values_of(read_sn3_pascalvincent_tensor(path, strict=False)))
        cases.append({"name": name, "hex": content.hex(), **read})
    return cases


def record_readers(folder):
    """The files that are sound in themselves but not what their place asks for."""
    path = os.path.join(folder, "file")
    files = {
        "images": IDX_FILES["uint8"],
        "labels": idx(8, [2], b"\3\4"),
        "images of int8": idx(9, [2, 2, 2], b"\1" * 8),
        "labels of int32": IDX_FILES["int32"],
    }
    cases = []
    for name, content in files.items():
        with open(path, "wb") as f:
            f.write(content)
        as_images = outcome(lambda: values_of(read_image_file(path)))
        as_labels = outcome(lambda: values_of(read_label_file(path)))
        cases.append({"name": name, "hex": content.hex(), "as_images": as_images, "as_labels": as_labels})
    return cases


def record_folders(folder):
    """A training set of two pictures and a test set of one, whole and with files missing."""
    files = {
        "train-images-idx3-ubyte": idx(8, [2, 2, 3], bytes(range(0, 240, 20))),
        "train-labels-idx1-ubyte": idx(8, [2], b"\7\2"),
        "t10k-images-idx3-ubyte": idx(8, [1, 2, 3], bytes(range(6))),
        "t10k-labels-idx1-ubyte": idx(8, [1], b"\1"),
    }
    raw = os.path.join(folder, "MNIST", "raw")
    os.makedirs(raw)

    def load(train):
        dataset = MNIST(folder, train=train, transform=ToTensor())
        items = [dataset[i] for i in range(len(dataset))]
        return {"labels": [label for _, label in items], "images": [values_of(image) for image, _ in items]}

    result = {
        "files": {name: content.hex() for name, content in files.items()},
        "empty": outcome(lambda: load(True)),
    }
    for name, content in files.items():
        if name == "t10k-labels-idx1-ubyte":
            result["train without t10k-labels"] = outcome(lambda: load(True))
        with open(os.path.join(raw, name), "wb") as f:
            f.write(content)
    return {**result, "train": load(True), "test": load(False)}


# --- the data set ------------------------------------------------------------------------------------------------


def record_to_tensor():
    picture = Image.fromarray(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16), mode="L")
    tensor = ToTensor()(picture)
    return {
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "stride": list(tensor.stride()),
        "table_sha256_f32le": sha256(tensor.numpy().tobytes()),
        "samples": {str(v): float(tensor.flatten()[v]).hex() for v in (0, 1, 2, 3, 85, 127, 128, 254, 255)},
    }


def record_mnist(root):
    result = {"classes": MNIST.classes, "mirrors": MNIST.mirrors, "resources": dict(MNIST.resources)}
    for split, train in (("train", True), ("test", False)):
        dataset = MNIST(root, train=train, transform=ToTensor())
        n = len(dataset)
        indices = [0, 1, n - 1, 5923, 1234, 1234, 77]
        items = [dataset[i] for i in indices]
        batch = torch.stack([image for image, _ in items])
        result[split] = {
            "size": n,
            "repr": repr(dataset).replace(root, "ROOT"),
            "pixel_sum": int(dataset.data.sum(dtype=torch.int64)),
            "label_counts": torch.bincount(dataset.targets, minlength=10).tolist(),
            "indices": indices,
            "labels": [label for _, label in items],
            "item_shape": list(items[0][0].shape),
            "item_sha256_f32le": [sha256(image.numpy().tobytes()) for image, _ in items],
            "batch_shape": list(batch.shape),
            "batch_stride": list(batch.stride()),
            "batch_dtype": str(batch.dtype).removeprefix("torch."),
            "batch_sha256_f32le": sha256(batch.numpy().tobytes()),
            "too_large_index": outcome(lambda: dataset[n]),
        }
    return result


# --- make_grid ---------------------------------------------------------------------------------------------------


def counted(shape, dtype):
    """1, 2, 3, ... in the given shape."""
    return torch.arange(1, 1 + torch.Size(shape).numel()).to(dtype).reshape(shape)


def record_grids():
    """Input: 1, 2, 3, ... of the given shape and dtype; as_list says that its rows are given as a list."""
    f32, f64, u8, i64 = torch.float32, torch.float64, torch.uint8, torch.int64
    table = [
        ("five of three channels, two in a row", [5, 3, 2, 3], f32, False, {"nrow": 2, "padding": 1, "pad_value": 0.5}),
        ("defaults", [3, 1, 2, 2], f32, False, {}),
        ("nine, eight in a row by default", [9, 1, 1, 1], f32, False, {"padding": 1}),
        ("no padding", [4, 1, 1, 1], f32, False, {"nrow": 2, "padding": 0}),
        ("one row only", [3, 1, 2, 1], f32, False, {"nrow": 3, "padding": 1}),
        ("one in a row", [3, 1, 1, 2], f32, False, {"nrow": 1, "padding": 1}),
        ("one picture of one channel", [1, 1, 2, 2], f32, False, {}),
        ("one picture of three channels", [1, 3, 2, 2], f32, False, {}),
        ("two channels are kept", [2, 2, 2, 2], f32, False, {"nrow": 1, "padding": 1}),
        ("four channels are kept", [2, 4, 1, 1], f32, False, {"padding": 0}),
        ("H x W", [2, 2], f32, False, {}),
        ("1 x H x W", [1, 2, 2], f32, False, {}),
        ("3 x H x W", [3, 2, 2], f32, False, {}),
        ("2 x H x W", [2, 2, 2], f32, False, {}),
        ("list of 1 x H x W", [3, 1, 2, 2], f32, True, {}),
        ("list of H x W is one picture", [2, 2, 2], f32, True, {}),
        ("list of one", [1, 1, 2, 2], f32, True, {}),
        ("float64", [2, 1, 1, 2], f64, False, {"padding": 1, "pad_value": 0.1}),
        ("uint8, fraction of pad_value dropped", [2, 1, 1, 1], u8, False, {"padding": 1, "pad_value": 7.9}),
        ("int64", [2, 1, 1, 1], i64, False, {"padding": 1}),
        ("normalize", [2, 1, 2, 2], f32, False, {"normalize": True, "padding": 0}),
        ("normalize float64", [2, 1, 2, 2], f64, False, {"normalize": True, "padding": 0}),
        ("normalize each", [2, 1, 2, 2], f32, False, {"normalize": True, "scale_each": True, "padding": 0}),
        ("normalize each, constant pictures", [2, 1, 1, 1], f32, False, {"normalize": True, "scale_each": True}),
        ("normalize one picture", [1, 3, 2, 2], f32, False, {"normalize": True}),
        ("value_range", [2, 1, 2, 2], f32, False, {"normalize": True, "value_range": [2, 6], "padding": 0}),
        (
            "value_range each",
            [2, 1, 2, 2],
            f32,
            False,
            {"normalize": True, "value_range": [2.5, 5.25], "scale_each": True, "padding": 0},
        ),
        ("value_range upside down", [2, 1, 2, 2], f32, False, {"normalize": True, "value_range": [6, 2], "padding": 0}),
        ("value_range without normalize", [2, 1, 1, 1], f32, False, {"value_range": [0, 9], "padding": 0}),
        ("scale_each without normalize", [2, 1, 1, 1], f32, False, {"scale_each": True, "padding": 0}),
        ("padding is not normalized", [2, 1, 1, 1], f32, False, {"normalize": True, "padding": 1, "pad_value": 0.5}),
        ("normalize uint8", [2, 1, 2, 2], u8, False, {"normalize": True}),
        ("normalize int64", [2, 1, 2, 2], i64, False, {"normalize": True}),
        ("no dimensions", [], f32, False, {}),
        ("one dimension", [4], f32, False, {}),
        ("five dimensions", [2, 1, 1, 2, 2], f32, False, {}),
        ("no pictures", [0, 1, 2, 2], f32, False, {}),
        ("empty list", [0], f32, True, {}),
        ("nrow 0", [2, 1, 2, 2], f32, False, {"nrow": 0}),
        ("nrow -1", [2, 1, 2, 2], f32, False, {"nrow": -1}),
    ]
    cases = []
    for name, shape, dtype, as_list, options in table:
        images = counted(shape, dtype)
        given = list(images) if as_list else images
        keywords = {k: tuple(v) if k == "value_range" else v for k, v in options.items()}
        cases.append(
            {
                "name": name,
                "input_shape": shape,
                "input_dtype": str(dtype).removeprefix("torch."),
                "as_list": as_list,
                "options": options,
                **outcome(lambda: values_of(make_grid(given, **keywords))),
            }
        )
    return cases


def record_batch_grid(root):
    """The grid of the article: the first 128 training pictures, 16 in a row."""
    dataset = MNIST(root, train=True, transform=ToTensor())
    images = torch.stack([dataset[i][0] for i in range(128)])
    grid = make_grid(images, nrow=16)
    stream = io.BytesIO()
    save_image(images, stream, format="png", nrow=16)
    with Image.open(stream) as picture:
        pixels = numpy.asarray(picture)
        return {
            "shape": list(grid.shape),
            "sha256_f32le": sha256(grid.numpy().tobytes()),
            "png_mode": picture.mode,
            "png_size": list(picture.size),
            "png_sha256_rgb": sha256(pixels.tobytes()),
        }


# --- save_image --------------------------------------------------------------------------------------------------


def saved(tensor, **options):
    stream = io.BytesIO()
    save_image(tensor, stream, format="png", **options)
    with Image.open(stream) as picture:
        return {"mode": picture.mode, "size": list(picture.size), "pixels": numpy.asarray(picture).flatten().tolist()}


def record_saved(folder):
    below, above = 0.499 / 255, 0.5 / 255
    inputs = [-1.0, 0.0, above, below, 1.5 / 255, 0.5, 127.5 / 255, 254.5 / 255, 1.0, 2.0, 1 / 3]
    rounding = torch.tensor(inputs, dtype=torch.float32)
    grey = ToTensor()(Image.fromarray(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16), mode="L"))
    return {
        "rounding": {
            "inputs": [v.hex() for v in rounding.tolist()],
            "bytes": saved(rounding.reshape(1, 1, -1))["pixels"][::3],
        },
        "all_grey_values": {"bytes": saved(grey)["pixels"][::3]},
        # Inputs: 0, 1, 2, ... divided by 40, in the given shape.
        "pictures": [
            {
                "name": name,
                "input_shape": shape,
                "options": options,
                **saved(torch.arange(torch.Size(shape).numel()).reshape(shape) / 40, **options),
            }
            for name, shape, options in (
                ("one channel", [1, 2, 3], {}),
                ("three channels of one pixel", [1, 3, 1, 1], {}),
                ("batch", [3, 1, 2, 2], {"nrow": 2, "padding": 1, "pad_value": 1.0}),
                ("grey and opacity", [1, 2, 2, 2], {}),
                ("colour and opacity", [1, 4, 2, 2], {}),
            )
        ],
        "refused": [
            {"name": name, "file": file, "input_shape": shape, **outcome(lambda: save_image(torch.zeros(shape), path))}
            for name, file, shape in (
                ("no extension", "picture", [3, 2, 2]),
                ("unknown extension", "picture.xyz", [3, 2, 2]),
                ("opacity in JPEG", "picture.jpg", [4, 2, 2]),
                ("five channels", "picture.png", [5, 2, 2]),
                ("no pictures", "picture.png", [0, 3, 2, 2]),
            )
            for path in [os.path.join(folder, file)]
        ],
        "uint8": outcome(lambda: saved(torch.ones(3, 2, 2, dtype=torch.uint8))),
    }


def write(sections):
    """JSON with a line for each case: long enough to be compact, short enough to be compared."""

    def lines(section):
        if isinstance(section, list):
            return "[\n" + ",\n".join("    " + json.dumps(case) for case in section) + "\n  ]"
        return "{\n" + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in section.items()) + "\n  }"

    print("{\n" + ",\n".join(f"  {json.dumps(name)}: {lines(section)}" for name, section in sections.items()) + "\n}")


def main():
    root = sys.argv[1]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        write(
            {
                "recorded_with": {
                    "torch": torch.__version__,
                    "torchvision": torchvision.__version__,
                    "pillow": Image.__version__,
                },
                "idx": record_idx(one),
                "readers": record_readers(one),
                "folders": record_folders(two),
                "to_tensor": record_to_tensor(),
                "mnist": record_mnist(root),
                "make_grid": record_grids(),
                "batch_grid": record_batch_grid(root),
                "save_image": record_saved(one),
            }
        )


if __name__ == "__main__":
    main()
