"""Records the indices of torch's DistributedSampler in many configurations, as JSON.

    python record_sampler.py > ../test-data/distributed-sampler.json
"""

import itertools
import json

from torch.utils.data.distributed import DistributedSampler


def main():
    cases = []
    for size, replicas, shuffle, drop_last in itertools.product((1, 2, 7, 12), (1, 2, 3, 5), (True, False), (True, False)):
        for rank in range(replicas):
            for seed, epoch in ((0, 0), (42, 3), (2**40 + 1, 1)) if shuffle else ((0, 0),):
                sampler = DistributedSampler(range(size), replicas, rank, shuffle, seed, drop_last)
                sampler.set_epoch(epoch)
                if drop_last and size < replicas:
                    continue  # Python has nothing to give, or fails
                cases.append({
                    "size": size,
                    "num_replicas": replicas,
                    "rank": rank,
                    "shuffle": shuffle,
                    "seed": seed,
                    "epoch": epoch,
                    "drop_last": drop_last,
                    "len": len(sampler),
                    "indices": list(sampler),
                })
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


if __name__ == "__main__":
    main()
