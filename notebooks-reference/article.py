"""The article's definitions and its cells, once, for the notebook and for the recorder of traces.

The names and the order are the article's; the order is part of the result, as every pass over a loader and every
model draws from torch's one default generator.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

# torchvision's compiled operators are not needed here and do not load beside a CPU build of torch; importing it
# only asks that these two names exist.
_names = torch.library.Library("torchvision", "FRAGMENT")
for _schema in (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
):
    try:
        _names.define(_schema)
    except RuntimeError:
        pass  # a torchvision whose operators do load has defined them

from torch.utils.data import DataLoader, random_split  # noqa: E402
from torchvision.datasets import MNIST  # noqa: E402
from torchvision.transforms import ToTensor  # noqa: E402

INPUT_SIZE = 784
NUM_CLASSES = 10


def accuracy(outputs, labels):
    """Share of right answers in a batch."""
    _, preds = torch.max(outputs, dim=1)
    return torch.tensor(torch.sum(preds == labels).item() / len(preds))


class MnistModel(nn.Module):
    """Feed-forward neural network with one hidden layer."""

    def __init__(self, in_size, hidden_size, out_size):
        super().__init__()
        self.linear1 = nn.Linear(in_size, hidden_size)
        self.linear2 = nn.Linear(hidden_size, out_size)

    def forward(self, xb):
        xb = xb.view(xb.size(0), -1)
        return self.linear2(F.relu(self.linear1(xb)))

    def training_step(self, batch):
        images, labels = batch
        return F.cross_entropy(self(images), labels)

    def validation_step(self, batch):
        images, labels = batch
        out = self(images)
        return {"val_loss": F.cross_entropy(out, labels), "val_acc": accuracy(out, labels)}

    def validation_epoch_end(self, outputs):
        losses = torch.stack([x["val_loss"] for x in outputs])
        accs = torch.stack([x["val_acc"] for x in outputs])
        return {"val_loss": losses.mean().item(), "val_acc": accs.mean().item()}

    def epoch_end(self, epoch, result):
        print(epoch_line(epoch, result), flush=True)


def epoch_line(epoch, result):
    return "Epoch [{}], val_loss: {:.4f}, val_acc: {:.4f}".format(epoch, result["val_loss"], result["val_acc"])


def get_default_device():
    """Pick GPU if available, else CPU."""
    return torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")


def to_device(data, device):
    """Move tensors (or a model) to a device; lists and tuples element by element."""
    if isinstance(data, (list, tuple)):
        return [to_device(x, device) for x in data]
    return data.to(device, non_blocking=True)


class DeviceDataLoader:
    """Wrap a data loader to move data to a device."""

    def __init__(self, dl, device):
        self.dl = dl
        self.device = device

    def __iter__(self):
        for batch in self.dl:
            yield to_device(batch, self.device)

    def __len__(self):
        return len(self.dl)


def evaluate(model, val_loader):
    outputs = [model.validation_step(batch) for batch in val_loader]
    return model.validation_epoch_end(outputs)


def fit(epochs, lr, model, train_loader, val_loader, opt_func=torch.optim.SGD, on_step=lambda loss: None):
    """The article's loop; ``on_step`` is told the loss of each step."""
    history = []
    optimizer = opt_func(model.parameters(), lr)
    for epoch in range(epochs):
        for batch in train_loader:
            loss = model.training_step(batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            on_step(loss)
        result = evaluate(model, val_loader)
        model.epoch_end(epoch, result)
        history.append(result)
    return history
