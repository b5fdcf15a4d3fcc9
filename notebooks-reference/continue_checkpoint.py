"""Goes on with a run of the Java program in Python: one more epoch of a call of fit, from its checkpoint.

    python continue_checkpoint.py --data FOLDER CHECKPOINT

Prints, as JSON, the epoch's evaluation and where the random generator then stands.
"""

import argparse
import hashlib
import json

import torch

import article
from record_trace import OPTIMIZERS, Widened, make_model, schedule, sizes


def learning_rate(config, epoch):
    """That of the epoch, counted over all calls of fit."""
    for phase in schedule(config["schedule"]):
        if epoch < phase["epochs"]:
            return phase["lr"]
        epoch -= phase["epochs"]
    raise SystemExit("the run is at its end")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = torch.load(args.checkpoint)
    config = checkpoint["config"]

    dataset = article.MNIST(args.data, train=True, transform=article.ToTensor())
    torch.manual_seed(int(config["seed"]))
    val_size = int(config["val-size"])
    train_ds, val_ds = article.random_split(dataset, [len(dataset) - val_size, val_size])
    batch_size = int(config["batch-size"])
    train_loader = article.DataLoader(train_ds, batch_size, shuffle=True, num_workers=2)
    val_loader = article.DataLoader(val_ds, batch_size * 2, num_workers=2)

    model = make_model(config.get("model", "mlp"), sizes(config.get("hidden-size", "0")))
    if config["dtype"] == "float64":
        model.double()
        train_loader, val_loader = Widened(train_loader), Widened(val_loader)
    model.load_state_dict(checkpoint["model_state_dict"])

    def restored(parameters, lr):
        optimizer = OPTIMIZERS[config["optimizer"]](parameters, lr)
        optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        return optimizer

    torch.set_rng_state(checkpoint["rng_state"])
    lr = learning_rate(config, checkpoint["epoch"])
    (result,) = article.fit(1, lr, model, train_loader, val_loader, restored)
    generator = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
    print(json.dumps({**result, "rng_state": generator}))


if __name__ == "__main__":
    main()
