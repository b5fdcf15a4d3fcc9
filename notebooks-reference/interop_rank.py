"""One rank of a group in which another is in Java: both do the same, and print what came of it."""

import torch
import torch.distributed as dist


def main():
    dist.init_process_group("gloo")
    for dtype in (torch.float32, torch.float64, torch.int64):
        numbers = torch.arange(300_000, dtype=dtype) * (dist.get_rank() + 1)
        dist.all_reduce(numbers)
        print("sum", int(numbers.sum().item()))
    own = torch.full((5,), dist.get_rank() + 0.5)
    for src in range(dist.get_world_size()):
        copy = own.clone()
        dist.broadcast(copy, src)
        print("broadcast", copy.sum().item())
    dist.barrier()
    dist.destroy_process_group()
    print("done")


if __name__ == "__main__":
    main()
