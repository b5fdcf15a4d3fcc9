"""Runs the article in several processes with DistributedDataParallel; each records its share as record_trace.py does.

    torchrun --nproc-per-node 3 record_distributed.py --data FOLDER --out TRACE.json.gz

Any launcher that sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT will do. Rank 1 writes TRACE.rank1.json.gz; its
weights at the end are in TRACE.rank1.safetensors.
"""

import pathlib

import safetensors.torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data.distributed import DistributedSampler

import record_trace


class Replica:
    """What `fit` and `evaluate` ask of a model, of one that several processes train."""

    def __init__(self, model, sampler):
        self.model = model
        self.parallel = DistributedDataParallel(model)
        self.sampler = sampler
        self.epochs_done = 0

    def parameters(self):
        return self.parallel.parameters()

    def train(self):
        self.parallel.train()

    def eval(self):
        """Evaluation takes the buffers of rank 0, as a step does."""
        for buffer in self.model.buffers():
            dist.broadcast(buffer, 0)
        self.parallel.eval()

    def training_step(self, batch):
        images, labels = batch
        return F.cross_entropy(self.parallel(images), labels)

    def validation_step(self, batch):
        return self.model.validation_step(batch)

    def validation_epoch_end(self, outputs):
        """The batches of all processes, in the order of the dataset."""
        gathered = [None] * dist.get_world_size()
        dist.all_gather_object(gathered, outputs)
        batches = sum(map(len, gathered))
        in_order = [gathered[batch % len(gathered)][batch // len(gathered)] for batch in range(batches)]
        return self.model.validation_epoch_end(in_order)

    def epoch_end(self, epoch, result):
        if dist.get_rank() == 0:
            self.model.epoch_end(epoch, result)
        self.epochs_done += 1
        self.sampler.set_epoch(self.epochs_done)


class Share(record_trace.Alone):
    """One process of several."""

    def train_order(self, train_ds, seed):
        self.sampler = DistributedSampler(train_ds, seed=seed)
        return self.sampler

    def val_batches(self, val_ds, batch_size):
        return super().val_batches(val_ds, batch_size)[dist.get_rank() :: dist.get_world_size()]

    def replica(self, model):
        self.model = model
        return Replica(model, self.sampler)


def main():
    args = record_trace.arguments(__doc__)
    dist.init_process_group("gloo")
    share = Share()
    trace = record_trace.record(args, share)
    stem, ending = args.out.split(".", 1)
    path = pathlib.Path(f"{stem}.rank{dist.get_rank()}.{ending}")
    record_trace.write(trace, str(path))
    weights = {name: p.detach() for name, p in share.model.named_parameters()}
    safetensors.torch.save_file(weights, f"{stem}.rank{dist.get_rank()}.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
