"""Records learning rates that PyTorch's schedulers come to, and an event file that its SummaryWriter writes.

    python record_schedules.py OUT

OUT gets schedules.json and scalars.tfevents. Losses of the plateau are made up.
"""

import json
import math
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.tensorboard import SummaryWriter

LOSSES = [1.0, 0.5, 0.49999, 0.6, 0.4, 0.41, 0.42, 0.43, 0.44, math.nan, 0.3, 0.3, 0.3, 0.3, 0.29999, 0.2]
SCALARS = [("train_loss", 0.25, 1), ("val/acc", 0.9649999737739563, 300), ("lr", 1e-7, 2**40), ("zero", 0.0, 0)]
WALL_TIME = 1.5e9 + 0.25


def rates(lr, steps, make, losses=None):
    """The learning rate before the first step and after each."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr)
    scheduler = make(optimizer)
    recorded = [optimizer.param_groups[0]["lr"]]
    for step in range(steps):
        optimizer.step()
        scheduler.step(*([losses[step]] if losses else []))
        recorded.append(optimizer.param_groups[0]["lr"])
    return [rate.hex() for rate in recorded]


def main(out):
    schedules = {
        "step": rates(0.3, 10, lambda optimizer: StepLR(optimizer, step_size=3, gamma=0.1)),
        "one_cycle": rates(0.1, 20, lambda o: OneCycleLR(o, max_lr=0.7, total_steps=20, cycle_momentum=False)),
        "plateau": rates(0.7, len(LOSSES), lambda o: ReduceLROnPlateau(o, factor=0.3, patience=2), LOSSES),
        "plateau_losses": [loss.hex() for loss in LOSSES],
    }
    (out / "schedules.json").write_text(json.dumps(schedules, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        with mock.patch("time.time", lambda: WALL_TIME):
            with SummaryWriter(folder) as writer:
                for tag, value, step in SCALARS:
                    writer.add_scalar(tag, value, step, walltime=WALL_TIME)
        (file,) = Path(folder).iterdir()
        (out / "scalars.tfevents").write_bytes(file.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
