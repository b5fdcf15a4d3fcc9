"""Records what torch.utils.data does, for the tests of package ``data``.

Writes test-data/data.json. Run it from the root of the project, with torch installed:

    python notebooks-reference/record_data.py
"""

import json
import pathlib
import time
import warnings

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)

torch.set_num_threads(1)
SEED = 42


class Numbers(IterableDataset):
    """0 … n-1; with workers, each of them reads the size that is meant for it."""

    def __init__(self, *sizes, length=None):
        self.sizes = sizes
        self.length = length

    def __iter__(self):
        worker = get_worker_info()
        return iter(range(self.sizes[0 if worker is None else worker.id]))


class SizedNumbers(Numbers):
    def __len__(self):
        return self.length


class BadItem(torch.utils.data.Dataset):
    """8 numbers, of which number 3 cannot be read."""

    def __getitem__(self, index):
        if index == 3:
            raise ValueError("bad item 3")
        return index

    def __len__(self):
        return 8


class WorkerOf(torch.utils.data.Dataset):
    """The id of the worker that reads the item."""

    def __init__(self, size):
        self.size = size

    def __getitem__(self, index):
        return get_worker_info().id

    def __len__(self):
        return self.size


class SeedOf(WorkerOf):
    """The seed of the worker that reads the item."""

    def __getitem__(self, index):
        return torch.initial_seed()


class Slow(WorkerOf):
    def __getitem__(self, index):
        time.sleep(1.5)
        return index


class Growing(torch.utils.data.Dataset):
    def __init__(self):
        self.size = 5

    def __getitem__(self, index):
        return index

    def __len__(self):
        return self.size


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def batches(loader):
    return [batch.tolist() if isinstance(batch, torch.Tensor) else batch for batch in loader]


def error(action):
    """Type and first line of what ``action`` raises."""
    try:
        action()
    except Exception as e:
        return {"type": type(e).__name__, "message": (str(e).splitlines() or [""])[0]}
    raise AssertionError("nothing was raised")


def warning_texts(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(w.message) for w in caught if issubclass(w.category, UserWarning)]


def words(action):
    """How many 32-bit words ``action`` takes from the default generator."""
    torch.manual_seed(SEED)
    action()
    after = int(torch.empty((), dtype=torch.int64).random_().item())
    for count in range(64):
        torch.manual_seed(SEED)
        torch.empty(count, dtype=torch.uint8).random_()  # one word each
        if int(torch.empty((), dtype=torch.int64).random_().item()) == after:
            return count
    raise AssertionError("more than 63 words")


def epochs(count, size, **options):
    torch.manual_seed(SEED)
    loader = DataLoader(range(size), **options)
    return [batches(loader) for _ in range(count)]


def random_numbers():
    def drawn(draw):
        torch.manual_seed(SEED)
        return draw().tolist()

    weights = torch.tensor([0.1, 0.0, 0.4, 0.5], dtype=torch.float64)
    return {
        "int64": drawn(lambda: torch.stack([torch.empty((), dtype=torch.int64).random_() for _ in range(5)])),
        "randperm(10)": drawn(lambda: torch.randperm(10)),
        "randperm(10), generator 1": torch.randperm(10, generator=seeded(1)).tolist(),
        "randint(10, 40)": drawn(lambda: torch.randint(10, (40,))),
        "multinomial, 3 of 4 without replacement": drawn(lambda: torch.multinomial(weights, 3, False)),
        "multinomial, 12 of 4 with replacement": drawn(lambda: torch.multinomial(weights, 12, True)),
        "multinomial, 5 of 4 without replacement": error(lambda: torch.multinomial(weights, 5, False)),
        "multinomial, negative weight": error(lambda: torch.multinomial(-weights, 1, True)),
        "seed 2^32 + 42": torch.randperm(10, generator=seeded(2**32 + SEED)).tolist(),
    }


def splits():
    def lengths(size, parts):
        return [len(part) for part in random_split(range(size), parts)]

    def values(size, parts, seed):
        return [list(part) for part in random_split(range(size), parts, generator=seeded(seed))]

    torch.manual_seed(SEED)
    from_default = [list(part) for part in random_split(range(10), [3, 7])]
    return {
        "10 by [3, 7], generator 1": values(10, [3, 7], 1),
        "10 by [3, 7], default generator": from_default,
        "10 by [0.3, 0.3, 0.4], generator 1": values(10, [0.3, 0.3, 0.4], 1),
        "lengths": {
            "6 by [2, 4]": lengths(6, [2, 4]),
            "6 by [0.5, 0.5]": lengths(6, [0.5, 0.5]),
            "3 by [0.5, 0.5]": lengths(3, [0.5, 0.5]),
            "106 by [0.1, 0.2, 0.3, 0.4]": lengths(106, [0.1, 0.2, 0.3, 0.4]),
            "2 by [0.1, 0.9]": lengths(2, [0.1, 0.9]),
            "4 by [4, 0]": lengths(4, [4, 0]),
        },
        "wrong sum": error(lambda: random_split(range(4), [1, 2])),
        "fractions 0.1": error(lambda: random_split(range(4), [0.1])),
        "fractions 1.1": error(lambda: random_split(range(4), [1.1])),
        "fractions [-0.5, 1.5]": error(lambda: random_split(range(4), [-0.5, 1.5])),
        "empty fraction": warning_texts(lambda: random_split(range(2), [0.9, 0.1, 0.0])),
        "empty length": warning_texts(lambda: random_split(range(4), [4, 0])),
        "words": {
            "10 by [3, 7]": words(lambda: random_split(range(10), [3, 7])),
            "10 by [3, 7], own generator": words(lambda: random_split(range(10), [3, 7], generator=seeded(1))),
        },
        "subset of a subset": list(Subset(Subset(range(10, 20), [7, 3, 5, 1]), [2, 0])),
    }


def samplers():
    def indices(sampler):
        torch.manual_seed(SEED)
        return list(sampler)

    ten = range(10)
    return {
        "random": {
            str(n): indices(RandomSampler(ten, num_samples=n)) for n in (5, 9, 10, 11, 20, 25)
        },
        "random with replacement": {
            str(n): indices(RandomSampler(ten, replacement=True, num_samples=n)) for n in (5, 32, 40, 64)
        },
        "random, generator 7, two visits": [
            list(sampler) for sampler in [RandomSampler(ten, generator=seeded(7))] for _ in range(2)
        ],
        "random with replacement 40, generator 7, two visits": [
            list(sampler)
            for sampler in [RandomSampler(ten, replacement=True, num_samples=40, generator=seeded(7))]
            for _ in range(2)
        ],
        "subset random": indices(SubsetRandomSampler([3, 1, 4, 15, 9, 2, 6])),
        "subset random, generator 7": list(SubsetRandomSampler([3, 1, 4, 15, 9, 2, 6], generator=seeded(7))),
        "weighted": indices(WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5, replacement=True)),
        "weighted without replacement": indices(
            WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5, replacement=False)
        ),
        "batches of 3": list(BatchSampler(SequentialSampler(ten), 3, False)),
        "batches of 3, drop last": list(BatchSampler(SequentialSampler(ten), 3, True)),
        "random of nothing": error(lambda: RandomSampler([])),
        "random, num_samples 0": error(lambda: RandomSampler(ten, num_samples=0)),
        "weighted, num_samples 0": error(lambda: WeightedRandomSampler([1.0], 0)),
        "batch size 0": error(lambda: BatchSampler(SequentialSampler(ten), 0, False)),
        "batch size -1": error(lambda: BatchSampler(SequentialSampler(ten), -1, False)),
        "words": {
            "random, iterator only": words(lambda: iter(RandomSampler(ten))),
            "random, first index": words(lambda: next(iter(RandomSampler(ten)))),
            "random, one visit": words(lambda: list(RandomSampler(ten))),
            "random with replacement, one visit": words(
                lambda: list(RandomSampler(ten, replacement=True, num_samples=40))
            ),
            "subset random, iterator only": words(lambda: iter(SubsetRandomSampler(list(ten)))),
            "subset random, first index": words(lambda: next(iter(SubsetRandomSampler(list(ten))))),
            "sequential, one visit": words(lambda: list(SequentialSampler(ten))),
            "batches of random, one visit": words(lambda: list(BatchSampler(RandomSampler(ten), 3, False))),
        },
    }


def loader_words():
    def case(passes, workers, stop_after=None, **options):
        def run():
            loader = DataLoader(range(10), batch_size=4, num_workers=workers, **options)
            for _ in range(passes):
                iterator = iter(loader)
                if stop_after is None:
                    list(iterator)
                else:
                    for _ in range(stop_after):
                        next(iterator)
                del iterator

        return words(run)

    table = {}
    for workers in (0, 2):
        table[str(workers)] = {
            "constructor, shuffle": case(0, workers, shuffle=True),
            "iterator, sequential": case(1, workers, stop_after=0),
            "iterator, shuffle": case(1, workers, stop_after=0, shuffle=True),
            "one batch, shuffle": case(1, workers, stop_after=1, shuffle=True),
            "1 epoch, sequential": case(1, workers),
            "1 epoch, shuffle": case(1, workers, shuffle=True),
            "3 epochs, sequential": case(3, workers),
            "3 epochs, shuffle": case(3, workers, shuffle=True),
            "3 epochs, shuffle, own generator": case(3, workers, shuffle=True, generator=seeded(1)),
        }
    table["2"]["3 epochs, sequential, persistent"] = case(3, 2, persistent_workers=True)
    table["2"]["3 epochs, shuffle, persistent"] = case(3, 2, shuffle=True, persistent_workers=True)
    return table


def loader_streams():
    def explicit(workers, batch_size, stop_after=None):
        loader = DataLoader(
            range(10), batch_size=batch_size, shuffle=True, num_workers=workers, generator=seeded(7)
        )
        seen = []
        for _ in range(2):
            iterator = iter(loader)
            seen.append(batches(iterator) if stop_after is None else [next(iterator).tolist()])
            del iterator
        return seen

    streams = {
        "seed 42, shuffle, batch 4": epochs(3, 10, batch_size=4, shuffle=True),
        "seed 42, shuffle, batch 4, persistent": epochs(
            3, 10, batch_size=4, shuffle=True, num_workers=2, persistent_workers=True
        ),
        "generator 7, batch 4": explicit(0, 4),
        "generator 7, batch 5": explicit(0, 5),
        "generator 7, batch 4, 2 workers": explicit(2, 4),
        "generator 7, batch 4, first batch only": explicit(0, 4, stop_after=1),
    }
    assert streams["seed 42, shuffle, batch 4"] == epochs(3, 10, batch_size=4, shuffle=True, num_workers=2)
    torch.manual_seed(SEED)
    streams["seed 42, seeds of 6 workers"] = batches(DataLoader(SeedOf(6), num_workers=6))
    return streams


def loader_rules():
    ten = range(10)
    built = {
        "num_workers -1": dict(num_workers=-1),
        "timeout -1": dict(timeout=-1),
        "prefetch_factor 2, no workers": dict(prefetch_factor=2),
        "prefetch_factor -1": dict(prefetch_factor=-1, num_workers=1),
        "persistent_workers, no workers": dict(persistent_workers=True),
        "batch_size None, drop_last": dict(batch_size=None, drop_last=True),
        "batch_size 0": dict(batch_size=0),
        "batch_size -1": dict(batch_size=-1),
        "sampler, shuffle": dict(sampler=[0], shuffle=True),
        "batch_sampler, batch_size 2": dict(batch_sampler=[[0]], batch_size=2),
        "batch_sampler, batch_size None": dict(batch_sampler=[[0]], batch_size=None),
        "batch_sampler, shuffle": dict(batch_sampler=[[0]], shuffle=True),
        "batch_sampler, sampler": dict(batch_sampler=[[0]], sampler=[0]),
        "batch_sampler, drop_last": dict(batch_sampler=[[0]], drop_last=True),
        "batch_sampler, sampler, shuffle": dict(batch_sampler=[[0]], sampler=[0], shuffle=True),
    }
    rules = {name: error(lambda: DataLoader(ten, **options)) for name, options in built.items()}
    rules["empty, shuffle"] = error(lambda: DataLoader([], shuffle=True))
    for option, value in dict(shuffle=True, sampler=3, batch_sampler=3).items():
        rules[f"iterable, {option}"] = error(lambda: DataLoader(Numbers(3), **{option: value}))
    rules["iter, timeout 1, no workers"] = error(lambda: iter(DataLoader(ten, timeout=1)))
    rules["iter, prefetch_factor 0"] = error(lambda: iter(DataLoader(ten, num_workers=1, prefetch_factor=0)))
    rules["size, sampler without length"] = error(lambda: len(DataLoader(ten, sampler=iter([1, 2]))))
    return {
        "errors": rules,
        "batch_size with a batch_sampler": DataLoader(ten, batch_sampler=[[0]]).batch_size,
        "1000 workers": warning_texts(lambda: DataLoader(ten, num_workers=1000)),
        "pin_memory without accelerator": warning_texts(lambda: iter(DataLoader(ten, pin_memory=True))),
        "lengths": {
            "100, batch 1": len(DataLoader(range(100))),
            "100, batch 2": len(DataLoader(range(100), batch_size=2)),
            "100, batch 3": len(DataLoader(range(100), batch_size=3)),
            "10, batch 3": len(DataLoader(ten, batch_size=3)),
            "10, batch 3, drop last": len(DataLoader(ten, batch_size=3, drop_last=True)),
            "10, batch 20": len(DataLoader(ten, batch_size=20)),
            "10, batch 20, drop last": len(DataLoader(ten, batch_size=20, drop_last=True)),
            "10, batch None": len(DataLoader(ten, batch_size=None)),
        },
    }


def growing():
    seen = {}
    for shuffle in (False, True):
        data = Growing()
        loader = DataLoader(data, shuffle=shuffle)
        before = len(loader), len(batches(loader))
        data.size = 9
        seen["shuffle" if shuffle else "sequential"] = [*before, len(loader), len(batches(loader))]
    return seen


def failures():
    def outcomes(workers):
        seen = []
        iterator = iter(DataLoader(BadItem(), batch_size=2, num_workers=workers))
        while True:
            try:
                seen.append(next(iterator).tolist())
            except StopIteration:
                return seen
            except ValueError as e:
                lines = str(e).splitlines()
                seen.append([lines[0], lines[-1]])

    def broken_init(worker):
        raise RuntimeError("init of worker")

    return {
        "bad item 3, no workers": outcomes(0),
        "bad item 3, 2 workers": outcomes(2),
        "worker_init_fn": error(lambda: batches(DataLoader(range(4), num_workers=1, worker_init_fn=broken_init))),
        "timeout 1": error(lambda: batches(DataLoader(Slow(2), num_workers=1, timeout=1))),
        "timeout 0.5": error(lambda: batches(DataLoader(Slow(2), num_workers=1, timeout=0.5))),
    }


def iterables():
    def sizes(data, **options):
        return [len(batch) for batch in DataLoader(data, **options)]

    def lengths(**options):
        return [len(DataLoader(SizedNumbers(10, length=10), batch_size=n, **options)) for n in (1, 2, 3)]

    def read_past(ask):
        def run():
            loader = DataLoader(SizedNumbers(6, length=4))
            if ask:
                len(loader)
            batches(loader)

        return len(warning_texts(run))

    three = Numbers(0, 4, 20)
    return {
        "20, batch 7": batches(DataLoader(Numbers(20), batch_size=7)),
        "20, batch 7, drop last": batches(DataLoader(Numbers(20), batch_size=7, drop_last=True)),
        "20, batch None": batches(DataLoader(Numbers(20), batch_size=None)),
        "lengths of 10 by 1, 2, 3": lengths(),
        "lengths of 10 by 1, 2, 3, drop last": lengths(drop_last=True),
        "workers of 0, 4, 20, batch 7": sorted(sizes(three, batch_size=7, num_workers=3)),
        "workers of 0, 4, 20, batch 7, drop last": sorted(sizes(three, batch_size=7, num_workers=3, drop_last=True)),
        "2 workers of 3, batch None": sorted(batches(DataLoader(Numbers(3, 3), batch_size=None, num_workers=2))),
        "warnings, 6 items announced as 4": {"after len()": read_past(True), "without": read_past(False)},
        "size without len": error(lambda: len(DataLoader(Numbers(3)))),
    }


def collated():
    def described(value):
        if isinstance(value, torch.Tensor):
            return {"dtype": str(value.dtype), "shape": list(value.shape), "values": value.tolist()}
        if isinstance(value, dict):
            return {key: described(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [described(part) for part in value]
        return value

    cases = {
        "whole numbers": [1, 2, -1],
        "fractions": [1.1, 2.3, -0.9],
        "fraction, then whole number": [2.5, 1],
        "booleans": [True, False],
        "strings": ["a", "b"],
        "maps": [{"a": 1, "b": {"c": 1.5, "d": "x"}}, {"a": 2, "b": {"c": 2.5, "d": "y"}}],
        "lists": [[1, "a"], [2, "b"], [3, "c"]],
        "nested lists": [[[1, 2], 0.5], [[3, 4], 1.5]],
    }
    pair = [(torch.ones(1, 2), 3), (torch.zeros(1, 2), 4)]
    return {
        **{name: {"items": items, "batch": described(default_collate(items))} for name, items in cases.items()},
        "pairs": described(default_collate(pair)),
        "ragged lists": error(lambda: default_collate([[1, 2], [3]])),
        "ragged tensors": error(lambda: default_collate([torch.ones(2), torch.ones(3)])),
        "unequal tensors": error(lambda: TensorDataset(torch.ones(2), torch.ones(3))),
        "object": error(lambda: default_collate([object()])),
    }


def workers():
    return {
        "of batches": {
            f"{count} workers, batch {size}": [int(batch[0]) for batch in DataLoader(WorkerOf(64), batch_size=size, num_workers=count)]
            for count, size in ((1, 8), (2, 8), (3, 16), (6, 8), (6, 64))
        },
    }


def compact(value, indent=0):
    """JSON with one line for whatever fits into one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or len(line) + indent <= 100:
        return line
    pad = " " * (indent + 2)
    parts = (f"{pad}{json.dumps(key, ensure_ascii=False)}: {compact(part, indent + 2)}" for key, part in value.items())
    return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"


def main():
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    record = {
        "recorded by": f"notebooks-reference/record_data.py, torch {torch.__version__.split('+')[0]}, one thread",
        "random numbers": random_numbers(),
        "splits": splits(),
        "samplers": samplers(),
        "loader words": loader_words(),
        "loader streams": loader_streams(),
        "loader rules": loader_rules(),
        "growing dataset": growing(),
        "failures": failures(),
        "iterables": iterables(),
        "collate": collated(),
        "workers": workers(),
    }
    pathlib.Path("test-data").mkdir(exist_ok=True)
    pathlib.Path("test-data/data.json").write_text(compact(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
