"""Writes small data sets in the forms that people have, and what torchvision reads of them, into test-data/sets."""

import gzip
import json
import shutil
import struct
import sys
from pathlib import Path

import article  # noqa: F401, torchvision's native operators are not needed
import numpy as np
from PIL import Image, ImageOps
from torchvision import transforms
from torchvision.datasets import EMNIST, KMNIST, QMNIST, ImageFolder

ROOT = Path(__file__).parent.parent / "test-data" / "sets"
ROWS, COLUMNS = 3, 4
random = np.random.default_rng(1)


def idx(array):
    types = {"uint8": 8, "int32": 12}
    header = struct.pack(">BBBB", 0, 0, types[array.dtype.name], array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def images(count, *colours):
    return random.integers(0, 256, (count, ROWS, COLUMNS, *colours)).astype("uint8")


def described(dataset):
    items = [dataset[i] for i in range(len(dataset))]
    return {
        "repr": repr(dataset).replace(str(ROOT), "ROOT"),
        "classes": list(dataset.classes),
        "labels": [int(label) for _, label in items],
        "shape": list(items[0][0].shape),
        "pixels": [[int(round(float(v) * 255)) for v in image.flatten()] for image, _ in items],
    }


def pictures(folder):
    """Of all kinds that PIL converts to RGB without a choice."""
    modes = {"ants": ["L", "RGB", "1"], "bees": ["RGBA", "P", "LA"]}
    for name, of_class in modes.items():
        (folder / name / "deeper").mkdir(parents=True)
        for i, mode in enumerate(of_class):
            pixels = random.integers(0, 256, (7, 9, 3)).astype("uint8")
            image = Image.fromarray(pixels)
            if mode in ("RGBA", "LA"):
                image.putalpha(Image.fromarray(random.integers(0, 256, (7, 9)).astype("uint8")))
            image.convert(mode).save(folder / name / ("deeper" if i == 2 else "") / f"{i}.png")
    (folder / "ants" / "notes.txt").write_text("not a picture")


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    expected = {}
    for split, labels in {"letters": [1, 26, 5], "byclass": [61, 0, 36], "balanced": [46, 10, 9]}.items():
        for part in ("train", "test"):
            raw = ROOT / "EMNIST" / "raw"
            write(raw / f"emnist-{split}-{part}-images-idx3-ubyte", idx(images(3)))
            write(raw / f"emnist-{split}-{part}-labels-idx1-ubyte", idx(np.array(labels, "uint8")))
            expected[f"emnist-{split} {part}"] = described(
                EMNIST(ROOT, split=split, train=part == "train", transform=transforms.ToTensor())
            )
    for part in ("train", "test"):
        raw = ROOT / "QMNIST" / "raw"
        labels = random.integers(0, 1000, (3, 8)).astype("int32")
        labels[:, 0] = [7, 0, 9]
        for name, array in {f"qmnist-{part}-images-idx3-ubyte": images(3), f"qmnist-{part}-labels-idx2-int": labels}.items():
            write(raw / name, idx(array))
        expected[f"qmnist {part}"] = described(QMNIST(ROOT, train=part == "train", transform=transforms.ToTensor()))
    for part, torchvisions in {"train": "train", "test": "t10k"}.items():
        pixels, labels = images(3), np.array([9, 0, 4], "uint8")
        folder = ROOT / "KMNIST" / "raw"
        write(folder / f"{torchvisions}-images-idx3-ubyte", idx(pixels))
        write(folder / f"{torchvisions}-labels-idx1-ubyte", idx(labels))
        npz = ROOT / "npz"
        npz.mkdir(exist_ok=True)
        np.savez_compressed(npz / f"kmnist-{part}-imgs.npz", pixels)
        np.savez_compressed(npz / f"kmnist-{part}-labels.npz", labels)
    for part in ("train", "test"):
        expected[f"kmnist {part}"] = described(KMNIST(ROOT, train=part == "train", transform=transforms.ToTensor()))
    colours = {f"{kind}_{part}": images(2, 3) if kind == "x" else np.array([[0], [11]]) for kind in "xy" for part in ("train", "test")}
    np.savez(ROOT / "colours.npz", **colours)
    expected["colours train"] = {
        "labels": [0, 11],
        "shape": [3, ROWS, COLUMNS],
        "pixels": [image.transpose(2, 0, 1).flatten().tolist() for image in colours["x_train"]],
    }
    pictures(ROOT / "pictures")
    expected["pictures"] = described(ImageFolder(ROOT / "pictures", transform=transforms.ToTensor()))
    for size in ((3, 4), (14, 30), (7, 5), (50, 2), (1, 1)):
        resize = transforms.Compose([transforms.Resize(size), transforms.ToTensor()])
        expected[f"pictures {size[0]} x {size[1]}"] = described(ImageFolder(ROOT / "pictures", transform=resize))
    for orientation in range(1, 9):
        image = Image.fromarray(np.arange(6, dtype="uint8").reshape(2, 3))
        image.getexif()[0x0112] = orientation
        shown = ImageOps.exif_transpose(image)
        expected[f"orientation {orientation}"] = {"width": shown.width, "pixels": list(shown.tobytes())}
    (ROOT / "expected.json").write_text(json.dumps(expected) + "\n")
    print(f"{len(expected)} sets in {ROOT}", file=sys.stderr)


if __name__ == "__main__":
    main()
