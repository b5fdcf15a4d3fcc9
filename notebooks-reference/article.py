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
    """Share of a batch's pictures whose highest score is at the right digit, as a tensor like the loss."""
    answers = outputs.max(dim=1).indices
    return torch.tensor((answers == labels).sum().item() / len(labels))


class MnistModel(nn.Module):
    """Pixels in, one hidden layer with ReLU, a score per class out; and what `fit` and `evaluate` ask of a model."""

    def __init__(self, in_size, hidden_size, out_size):
        super().__init__()
        self.linear1 = nn.Linear(in_size, hidden_size)
        self.linear2 = nn.Linear(hidden_size, out_size)

    def forward(self, xb):
        """Scores (N, out_size) of pictures (N, 1, 28, 28), which are flattened to (N, in_size)."""
        hidden = F.relu(self.linear1(xb.flatten(1)))
        return self.linear2(hidden)

    def training_step(self, batch):
        """The batch's mean cross-entropy, from which `backward` starts."""
        images, labels = batch
        return F.cross_entropy(self(images), labels)

    def validation_step(self, batch):
        """Loss and accuracy of one batch."""
        images, labels = batch
        scores = self(images)
        return {"val_loss": F.cross_entropy(scores, labels), "val_acc": accuracy(scores, labels)}

    def validation_epoch_end(self, outputs):
        """Means over the batches, as plain numbers; a smaller last batch counts as much as the others."""
        losses = torch.stack([output["val_loss"] for output in outputs])
        accs = torch.stack([output["val_acc"] for output in outputs])
        return {"val_loss": losses.mean().item(), "val_acc": accs.mean().item()}

    def epoch_end(self, epoch, result):
        """Prints the epoch's line."""
        print(epoch_line(epoch, result), flush=True)


def epoch_line(epoch, result):
    """An epoch's validation in one line, four decimals."""
    return "Epoch [{}], val_loss: {:.4f}, val_acc: {:.4f}".format(epoch, result["val_loss"], result["val_acc"])


def get_default_device():
    """The graphics card where torch sees one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(data, device):
    """A tensor, or every tensor of a list or tuple, on the device; a model is moved itself."""
    if isinstance(data, (list, tuple)):
        return [to_device(part, device) for part in data]
    return data.to(device, non_blocking=True)


class DeviceDataLoader:
    """A loader whose batches are on the device when the loop gets them, one batch at a time."""

    def __init__(self, dl, device):
        self.dl = dl
        self.device = device

    def __iter__(self):
        for batch in self.dl:
            yield to_device(batch, self.device)

    def __len__(self):
        """Batches in a pass."""
        return len(self.dl)


def evaluate(model, val_loader):
    """The model's loss and accuracy over a pass of the loader."""
    model.eval()
    return model.validation_epoch_end([model.validation_step(batch) for batch in val_loader])


def fit(epochs, lr, model, train_loader, val_loader, opt_func=torch.optim.SGD, on_step=lambda loss: None):
    """Trains for some epochs at one learning rate; `on_step` is told the loss of each step."""
    history = []
    optimizer = opt_func(model.parameters(), lr)
    for epoch in range(epochs):
        model.train()
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
