"""Explains what Scaling.java has measured, and says what follows for more machines.

    python3 scaling.py LINES CORES

The model: a step takes c s + a(W) + n (k + 2 (W - 1) / W / b), with

    c       the step of one process alone, without an average
    s       W / CORES where there are more ranks than cores, otherwise 1
    a(W)    what waiting for the others costs, whatever the size: from the smallest model
    n       bytes of the gradients
    k       to copy them into buckets and back: from the average of one rank alone
    b       bytes/s of an allreduce: from the two largest. Gloo's is a ring: each rank sends 2 (W - 1) / W of all bytes

Of what several ranks took, it is made from the smallest model alone; the others show what it is worth.
"""

import statistics
import sys

NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}
ROUND = 50e-6  # one of the 2 (W - 1) rounds of a ring between machines with idle cores: assumed


def medians(lines, kind, keys):
    """Over the rounds, by what stands before the figures; in seconds."""
    values = {}
    for line in lines:
        name, *fields = line.split()
        if name == kind:
            values.setdefault(tuple(map(int, fields[:keys])), []).append(tuple(map(float, fields[keys:])))
    return {
        key: tuple(statistics.median(column) * 1e-6 for column in zip(*rows)) for key, rows in sorted(values.items())
    }


def sent(world):
    return 2 * (world - 1) / world


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "--:|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    with open(sys.argv[1]) as file:
        lines = [line for line in file if line.startswith(("allreduce", "step"))]
    cores = int(sys.argv[2])
    reduce = {key: seconds for key, (seconds,) in medians(lines, "allreduce", 2).items()}
    steps = medians(lines, "step", 3)
    worlds = sorted({world for world, _, _ in steps})
    sizes = sorted({size for _, size in reduce})
    models = sorted({(parameters, hidden) for _, hidden, parameters in steps})
    alone = {parameters: steps[1, hidden, parameters][0] for parameters, hidden in models}
    together = {
        (world, parameters): steps[world, hidden, parameters][1] for world in worlds for parameters, hidden in models
    }

    print("An allreduce on loopback, µs:\n")
    table(
        ["ranks", *(f"{size:,} bytes" for size in sizes)],
        ([str(world), *(f"{reduce[world, size] * 1e6:,.0f}" for size in sizes)] for world in worlds if world > 1),
    )

    smallest, largest = models[0][0], models[-1][0]
    copy = (together[1, largest] - alone[largest]) / (4 * largest)
    rate = {
        world: sent(world) * (sizes[-1] - sizes[-2]) / (reduce[world, sizes[-1]] - reduce[world, sizes[-2]])
        for world in worlds
        if world > 1
    }

    def without_waiting(world, parameters):
        sending = sent(world) / rate[world] if world > 1 else 0
        return alone[parameters] * max(1, world / cores) + 4 * parameters * (copy + sending)

    waiting = {world: together[world, smallest] - without_waiting(world, smallest) for world in worlds if world > 1}
    waiting[1] = 0

    print("A step of 128 pictures a rank, µs: measured (as the model says); in how many times the pictures/s of one process:\n")
    table(
        ["hidden units", "parameters", "alone", *(f"{world} rank{'s' * (world > 1)}" for world in worlds)],
        (
            [str(hidden), f"{parameters:,}", f"{alone[parameters] * 1e6:,.0f}"]
            + [
                f"{together[world, parameters] * 1e6:,.0f}"
                f" ({(without_waiting(world, parameters) + waiting[world]) * 1e6:,.0f}):"
                f" {world * alone[parameters] / together[world, parameters]:.2f}"
                for world in worlds
            ]
            for parameters, hidden in models
        ),
    )
    off = [
        (without_waiting(world, parameters) + waiting[world]) / together[world, parameters]
        for world in worlds
        if world > 1
        for parameters, _ in models[1:]
    ]
    print(f"Where it was not made from them, the model says {min(off):.2f} to {max(off):.2f} of what was measured.\n")

    per_parameter = (alone[largest] - alone[smallest]) / (largest - smallest)
    fixed = alone[smallest] - per_parameter * smallest

    def speedup(world, parameters, bandwidth, one_round):
        compute = fixed + per_parameter * parameters
        average = 2 * (world - 1) * one_round + 4 * parameters * (copy + sent(world) / bandwidth)
        return world * compute / (compute + average)

    def from_on(world, bandwidth, one_round, at_least):
        """The fewest parameters with which the machines are at least so many times as fast as one."""
        for exponent in range(60, 220):
            parameters = 10 ** (exponent / 20)
            if speedup(world, parameters, bandwidth, one_round) >= at_least:
                return f"{float(f'{parameters:.1g}'):,.0f}"
        return "none"

    here = waiting[2] / 2
    print(
        f"Machines with a core each, as many times as fast as one; a round of the ring takes {here * 1e6:,.0f} µs as measured"
        f" here, or {ROUND * 1e6:.0f} µs, which is assumed:\n"
    )
    table(
        ["machines", "network", "a round, µs", *(f"{parameters:,} parameters" for parameters, _ in models)]
        + ["faster than one from", "twice as fast from"],
        (
            [str(world), name, f"{one_round * 1e6:,.0f}"]
            + [f"{speedup(world, parameters, bandwidth, one_round):.2f}" for parameters, _ in models]
            + [from_on(world, bandwidth, one_round, 1), from_on(world, bandwidth, one_round, 2)]
            for world in (2, 8, 64)
            for name, bandwidth in NETWORKS.items()
            for one_round in (here, ROUND)
        ),
    )
    print(
        f"Measured here: a step takes {fixed * 1e6:,.0f} µs and {per_parameter * 1e9:.2f} ns a parameter, copies"
        f" {copy * 1e9:.2f} ns a byte; an allreduce of two ranks {rate[2] / 1e9:.2f} GB/s."
    )


if __name__ == "__main__":
    main()
