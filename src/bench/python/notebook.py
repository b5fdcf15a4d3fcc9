"""The article as published: torchvision's MNIST and ToTensor, DataLoaders with four workers, cell after cell.

    python notebook.py ROOT [--timings FILE]     torchvision's root: the four unpacked IDX files are in ROOT/MNIST/raw

The definitions are those of notebooks-reference/article.py. The pictures are left out: they would measure matplotlib.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "notebooks-reference"))

import torch  # noqa: E402

import article  # noqa: E402
import timings  # noqa: E402


class Stopwatch:
    """Times training and evaluation by the moments of the Java program: an evaluation begins with the last step."""

    def __init__(self):
        self.training = self.evaluating = 0.0
        self.epochs = self.evaluations = 0
        self.began = self.last_step = None

    def step_done(self, loss):
        self.last_step = time.perf_counter()

    def evaluate(self, model, val_loader):
        if self.began is None:
            self.last_step = time.perf_counter()
        else:
            self.training += self.last_step - self.began
            self.epochs += 1
        result = evaluate(model, val_loader)
        self.began = time.perf_counter()
        self.evaluating += self.began - self.last_step
        self.evaluations += 1
        return result

    def write(self):
        timings.write(
            epochs=self.epochs,
            training_seconds=self.training,
            evaluations=self.evaluations,
            evaluation_seconds=self.evaluating,
        )


evaluate = article.evaluate


def main():
    # The article leaves the number of threads to torch, which takes every core. On two cores its threads waited busily
    # while the four workers needed the cores: 13 s an epoch instead of 4. One thread is the fair comparison.
    torch.set_num_threads(1)
    torch.manual_seed(42)
    dataset = article.MNIST(sys.argv[1], train=True, transform=article.ToTensor())
    train_ds, val_ds = article.random_split(dataset, [50_000, 10_000])
    print((len(train_ds), len(val_ds)), flush=True)

    batch_size = 128
    workers = {"num_workers": 4, "pin_memory": True}
    train_loader = article.DataLoader(train_ds, batch_size, shuffle=True, **workers)
    val_loader = article.DataLoader(val_ds, 2 * batch_size, **workers)
    for images, _ in train_loader:
        print("images.shape:", images.shape)
        break

    def new_model():
        return article.MnistModel(article.INPUT_SIZE, 32, article.NUM_CLASSES)

    model = new_model()
    for parameter in model.parameters():
        print(parameter.shape)

    device = article.get_default_device()
    print(repr(device))
    for images, _ in train_loader:
        print(images.shape)
        print(article.to_device(images, device).device)
        break
    train_loader = article.DeviceDataLoader(train_loader, device)
    val_loader = article.DeviceDataLoader(val_loader, device)

    stopwatch = Stopwatch()
    article.evaluate = stopwatch.evaluate  # fit calls it too
    model = article.to_device(new_model(), device)
    history = [article.evaluate(model, val_loader)]
    print(history, flush=True)
    for epochs, lr in ((5, 0.5), (5, 0.1)):
        history += article.fit(epochs, lr, model, train_loader, val_loader, on_step=stopwatch.step_done)
    print("val_acc: {:.4f}".format(history[-1]["val_acc"]))
    stopwatch.write()


if __name__ == "__main__":
    main()
