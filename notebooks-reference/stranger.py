"""Takes the weights of a program that trains a network with batch normalization and dropout, and trains its twin.

    python stranger.py --data FOLDER --seed N WEIGHTS

The twin draws the same random numbers. Prints, as JSON, the evaluation of the weights in WEIGHTS, which are loaded as strictly
as Python can, and the SHA-256 of each tensor, of WEIGHTS and of the twin.
"""

import argparse
import hashlib
import json

import torch
import torch.nn.functional as F
from torch import nn

import article


class Net(article.MnistModel):
    """Filters, batch normalization, ReLU, pooling, dropout, and a score per class."""

    def __init__(self):
        nn.Module.__init__(self)
        self.conv = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(0.25)
        self.linear = nn.Linear(8 * 13 * 13, 10)

    def forward(self, xb):
        out = F.max_pool2d(F.relu(self.norm(self.conv(xb))), 2, 2)
        return self.linear(self.dropout(out.flatten(1)))

    def epoch_end(self, epoch, result):
        pass


def digests(model):
    return {name: hashlib.sha256(t.numpy().tobytes()).hexdigest() for name, t in model.state_dict().items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("--data", required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    dataset = article.MNIST(args.data, train=True, transform=article.ToTensor())
    some = torch.utils.data.Subset(dataset, range(6000))
    train_ds, val_ds = article.random_split(some, [5000, 1000])
    train_loader = article.DataLoader(train_ds, 64, shuffle=True, num_workers=2)
    val_loader = article.DataLoader(val_ds, 128)
    net = Net()
    article.fit(2, 1e-3, net, train_loader, val_loader, torch.optim.Adam)
    evaluation = article.evaluate(net, val_loader)
    loaded = Net()
    loaded.load_state_dict(torch.load(args.weights, weights_only=True), strict=True)
    print(json.dumps({
        "trained": digests(net),
        "trained_evaluation": evaluation,
        "loaded": digests(loaded),
        "loaded_evaluation": article.evaluate(loaded, val_loader),
    }))


if __name__ == "__main__":
    main()
