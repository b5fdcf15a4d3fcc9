"""Runs the article and records everything that another implementation can be held against, as one JSON file.

    python record_trace.py --data FOLDER --out TRACE.json.gz

FOLDER is the root of torchvision's MNIST (FOLDER/MNIST/raw/...). One thread computes unless --threads says otherwise:
with more, the order of additions, and with it the last digits, depends on the machine.
"""

import argparse
import functools
import gzip
import hashlib
import json
import os
import pathlib
import re
import struct

import numpy
import torch
import torch.nn.functional as F
from torch.utils.data import BatchSampler, RandomSampler, Sampler, SequentialSampler

import article

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": functools.partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}


KERNEL_VARIABLES = [
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_DEBUG_CPU_TYPE",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
]


class DeeperModel(article.MnistModel):
    """The article's model with any number of hidden layers."""

    def __init__(self, in_size, hidden_sizes, out_size):
        torch.nn.Module.__init__(self)
        widths = [in_size, *hidden_sizes, out_size]
        for number, (inputs, outputs) in enumerate(zip(widths, widths[1:]), start=1):
            self.add_module(f"linear{number}", torch.nn.Linear(inputs, outputs))

    def forward(self, xb):
        *hidden_layers, output_layer = self.children()
        out = xb.flatten(1)
        for layer in hidden_layers:
            out = torch.relu(layer(out))
        return output_layer(out)


class ConvolutionalModel(article.MnistModel):
    """Filters of 3 x 3 pixels in two layers, each followed by ReLU and pooling; then a score per class."""

    def __init__(self, out_size):
        torch.nn.Module.__init__(self)
        self.conv1 = torch.nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.conv2 = torch.nn.Conv2d(8, 16, kernel_size=3, padding=1)
        self.linear1 = torch.nn.Linear(16 * 7 * 7, out_size)

    def forward(self, xb):
        out = F.max_pool2d(F.relu(self.conv1(xb)), 2, 2)
        out = F.max_pool2d(F.relu(self.conv2(out)), 2, 2)
        return self.linear1(out.flatten(1))


def make_model(name, hidden_sizes):
    """The article's own model where it has one hidden layer."""
    if name == "cnn":
        return ConvolutionalModel(article.NUM_CLASSES)
    if len(hidden_sizes) == 1:
        return article.MnistModel(article.INPUT_SIZE, hidden_sizes[0], article.NUM_CLASSES)
    return DeeperModel(article.INPUT_SIZE, hidden_sizes, article.NUM_CLASSES)


def sizes(text):
    return [int(size) for size in text.split(",")]


PEEKS = 2  # visits of the train loader before the training


class RecordingSampler(Sampler):
    """Another sampler's indices; remembers each visit."""

    def __init__(self, sampler):
        self.sampler = sampler
        self.visits = []

    def __iter__(self):
        visit = []
        self.visits.append(visit)
        for index in self.sampler:
            visit.append(index)
            yield index

    def __len__(self):
        return len(self.sampler)


class Alone:
    """One process, which trains on every picture."""

    def train_order(self, train_ds, seed):
        return RandomSampler(train_ds)

    def val_batches(self, val_ds, batch_size):
        return list(BatchSampler(SequentialSampler(val_ds), batch_size, drop_last=False))

    def replica(self, model):
        return model


class Widened:
    """A loader whose pictures are float64."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return ([images.double(), labels] for images, labels in self.loader)


def sha256(array):
    return hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()


def int64_sha256(values):
    return hashlib.sha256(struct.pack("<%dq" % len(values), *values)).hexdigest()


def parameters(model):
    return {
        name: {"shape": list(p.shape), "sha256": sha256(p.detach().numpy())} for name, p in model.named_parameters()
    }


def named_optimizer_state(model, optimizer):
    """What the optimizer remembers, by the name of the parameter, a dot, and that of the state; counts as int64."""
    named = {}
    for name, p in model.named_parameters():
        for key, value in optimizer.state[p].items():
            array = value.detach().numpy() if value.dim() or key != "step" else numpy.int64(value.item())
            named[f"{name}.{key}"] = {"shape": list(value.shape), "sha256": sha256(array)}
    return named


def producer(threads):
    """Which library computes, on which processor: as exactly as another must be the same to compute the same bits."""
    library = pathlib.Path(torch.__file__).parent / "lib"
    names = ["libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll"]
    library = next(library / name for name in names if (library / name).exists())
    digest = hashlib.sha256()
    with open(library, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    config = torch.__config__.show()
    mkl = re.search(r"Math Kernel Library Version (\S+)", config)
    info = re.search(r"BLAS_INFO=(\w+)", config)
    variables = [f"{name}={os.environ[name]}" for name in KERNEL_VARIABLES if name in os.environ]
    return {
        "implementation": "python",
        "torch": torch.__version__,
        "libtorch_cpu_sha256": digest.hexdigest(),
        "device": "cpu",
        "processor": processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "blas": f"mkl {mkl[1]}" if mkl else info[1] if info else "unknown",
        "kernel_variables": " ".join(variables) or "none",
        "threads": threads,
    }


def processor():
    """The first processor in the words of /proc/cpuinfo, or in those of Windows."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0]
    except OSError:
        return os.environ.get("PROCESSOR_IDENTIFIER", "unknown")
    facts = {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in text.split("\n")) if colon}
    flags = facts.get("flags", facts.get("Features", ""))
    if not flags:
        return "unknown"
    name, vendor, family, model, stepping = (
        facts.get(key, "?") for key in ["model name", "vendor_id", "cpu family", "model", "stepping"]
    )
    digest = hashlib.sha256(flags.encode()).hexdigest()[:16]
    return f"{name} ({vendor} family {family} model {model} stepping {stepping}, flags {digest})"


def schedule(text):
    phases = []
    for phase in text.split(","):
        epochs, lr = phase.split("@")
        phases.append({"epochs": int(epochs), "lr": float(lr)})
    return phases


def record(args, share=Alone()):
    torch.set_num_threads(args.threads)
    dataset = article.MNIST(args.data, train=True, transform=article.ToTensor())
    torch.manual_seed(args.seed)
    train_ds, val_ds = article.random_split(dataset, [len(dataset) - args.val_size, args.val_size])
    sampler = RecordingSampler(share.train_order(train_ds, args.seed))
    train_loader = article.DataLoader(
        train_ds, args.batch_size, sampler=sampler, num_workers=args.num_workers, pin_memory=True
    )
    val_loader = article.DataLoader(
        val_ds,
        batch_sampler=share.val_batches(val_ds, args.batch_size * 2),
        num_workers=args.num_workers,
        pin_memory=True,
    )
    if args.dtype == "float64":
        train_loader, val_loader = Widened(train_loader), Widened(val_loader)
    for _ in train_loader:
        break
    make_model(args.model, args.hidden_size)
    for _ in train_loader:
        break
    model = make_model(args.model, args.hidden_size)
    initial = parameters(model)
    for name, p in model.named_parameters():
        initial[name]["head"] = [float(x).hex() for x in p.detach().flatten()[:5]]
    if args.dtype == "float64":
        model.double()
    replica = share.replica(model)
    before = article.evaluate(replica, val_loader)
    losses, history, optimizers = [], [], []

    def opt_func(parameters, lr):
        optimizers.append(OPTIMIZERS[args.optimizer](parameters, lr))
        return optimizers[-1]

    for phase in args.schedule:
        results = article.fit(
            phase["epochs"],
            phase["lr"],
            replica,
            train_loader,
            val_loader,
            opt_func,
            lambda loss: losses.append(loss.item()),
        )
        history += [(epoch, phase["lr"], result) for epoch, result in enumerate(results)]
    epochs = []
    steps = len(losses) // len(history)
    for i, (epoch, lr, result) in enumerate(history):
        order = sampler.visits[PEEKS + i]
        epochs.append({
            "epoch": epoch,
            "lr": lr,
            "batch_order_sha256": int64_sha256(order),
            "batch_order_head": order[:20],
            "train_losses": [loss.hex() for loss in losses[i * steps : (i + 1) * steps]],
            "val_loss": result["val_loss"].hex(),
            "val_acc": result["val_acc"].hex(),
            "line": article.epoch_line(epoch, result),
        })
    if args.model == "mlp":
        model_config = {"hidden_size": args.hidden_size if len(args.hidden_size) > 1 else args.hidden_size[0]}
    else:
        model_config = {"model": args.model, "hidden_size": []}
    return {
        "schema": 2,
        "producer": producer(args.threads),
        "config": {
            "seed": args.seed,
            **model_config,
            "batch_size": args.batch_size,
            "val_batch_size": args.batch_size * 2,
            "val_size": args.val_size,
            "num_workers": args.num_workers,
            "dtype": args.dtype,
            "schedule": args.schedule,
            "optimizer": args.optimizer,
        },
        "split": {
            "train_sha256": int64_sha256(train_ds.indices),
            "val_sha256": int64_sha256(val_ds.indices),
            "train_head": train_ds.indices[:20],
            "val_head": val_ds.indices[:20],
        },
        "initial_parameters": initial,
        "before": {key: value.hex() for key, value in before.items()},
        "epochs": epochs,
        "final_parameters": parameters(model),
        "optimizer_state": named_optimizer_state(model, optimizers[-1]),
        "next_int64": torch.empty((), dtype=torch.int64).random_().item(),
    }


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="root folder of torchvision's MNIST")
    parser.add_argument("--out", required=True, help="file to write; gzip when it ends in .gz")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--model", choices=["mlp", "cnn"], default="mlp")
    parser.add_argument("--hidden-size", type=sizes, default="32", help="units of each hidden layer: N[,N...]")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--val-size", type=int, default=10000)
    parser.add_argument("--num-workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), default="sgd")
    parser.add_argument("--schedule", type=schedule, default="5@0.5,5@0.1", help="EPOCHS@LR, comma-separated")
    return parser.parse_args()


def write(trace, path):
    text = json.dumps(trace, indent=1).encode()
    if path.endswith(".gz"):
        text = gzip.compress(text, 9, mtime=0)
    with open(path, "wb") as file:
        file.write(text)


if __name__ == "__main__":
    options = arguments(__doc__)
    write(record(options), options.out)
