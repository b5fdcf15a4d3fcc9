"""The fastest plain Python for this training: tensors in memory, no DataLoader, no torchvision; the same numbers.

    python fastest.py DATA [--timings FILE]      DATA: the folder of the four IDX files, unpacked

Every pass draws from the default generator what the article's loaders draw, so that split, weights, batches and
losses are the article's.
"""

import os
import sys
import time

import torch
import torch.nn.functional as F

import timings

torch.set_num_threads(1)

BATCH_SIZE, HELD_OUT, HIDDEN = 128, 10_000, 32
train_time, evaluation_time = [], []


def read(name, header):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8, offset=header)


def draw():
    return torch.empty((), dtype=torch.int64).random_().item()


def order(size):
    generator = torch.Generator()
    generator.manual_seed(draw())
    return torch.randperm(size, generator=generator)


def shuffled():
    draw()  # the loader's base seed
    return order(len(train))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = torch.nn.Linear(784, HIDDEN)
        self.linear2 = torch.nn.Linear(HIDDEN, 10)

    def forward(self, xb):
        return self.linear2(F.relu(self.linear1(xb)))


@torch.no_grad()
def evaluate(model):
    start = time.perf_counter()
    draw()  # the loader's base seed
    losses, accuracies = [], []
    for xb, yb in zip(val_images.split(2 * BATCH_SIZE), val_labels.split(2 * BATCH_SIZE)):
        out = model(xb)
        losses.append(F.cross_entropy(out, yb))
        accuracies.append((out.argmax(1) == yb).sum() / len(yb))
    result = torch.stack(losses).mean().item(), torch.stack(accuracies).mean().item()
    evaluation_time.append(time.perf_counter() - start)
    return result


torch.manual_seed(42)
images = read("train-images-idx3-ubyte", 16).view(-1, 784).float().div_(255)
labels = read("train-labels-idx1-ubyte", 8).long()
split = torch.randperm(len(labels))
train, val = split[:-HELD_OUT], split[-HELD_OUT:]
val_images, val_labels = images[val], labels[val]
print(f"({len(train)}, {len(val)})", flush=True)

shuffled()
Net()
shuffled()
model = Net()
result = evaluate(model)
print([{"val_loss": result[0], "val_acc": result[1]}], flush=True)
for epochs, lr in ((5, 0.5), (5, 0.1)):
    optimizer = torch.optim.SGD(model.parameters(), lr, foreach=False)
    for epoch in range(epochs):
        start = time.perf_counter()
        for batch in train[shuffled()].split(BATCH_SIZE):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        train_time.append(time.perf_counter() - start)
        result = evaluate(model)
        print("Epoch [{}], val_loss: {:.4f}, val_acc: {:.4f}".format(epoch, *result), flush=True)

print("val_acc: {:.4f}".format(result[1]), flush=True)
timings.write(
    epochs=len(train_time),
    training_seconds=sum(train_time),
    evaluations=len(evaluation_time),
    evaluation_seconds=sum(evaluation_time),
)
