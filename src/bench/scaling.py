"""Explains what Scaling.java has measured, and says what follows for other networks.

    python3 scaling.py LINES CORES

The model: a step takes c + a(W) + 2 (W - 1) / W * bytes / b. c is the step of one process alone, W the world size, bytes those
of the gradients, a(W) an allreduce of one number, and b the rate of an allreduce, both measured: Gloo's allreduce is a ring
in which each process sends every byte 2 (W - 1) / W times. Where there are more processes than cores, c grows with what they share.
"""

import statistics
import sys

HOP = 25e-6  # one message on a network of machines, assumed: loopback knows no wires
NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}


def median(lines, kind):
    """Median over the rounds, by what stands before the figures."""
    values = {}
    for line in lines:
        name, *fields = line.split()
        if name == kind:
            split = 2 if kind == "allreduce" else 3
            values.setdefault(tuple(map(int, fields[:split])), []).append(tuple(map(float, fields[split:])))
    return {key: tuple(map(statistics.median, zip(*rows))) for key, rows in sorted(values.items())}


def sent(world):
    return 2 * (world - 1) / world


def main():
    with open(sys.argv[1]) as file:
        lines = [line for line in file if line.startswith(("allreduce", "step"))]
    cores = int(sys.argv[2])
    reduce = {key: value[0] * 1e-6 for key, value in median(lines, "allreduce").items()}
    steps = median(lines, "step")
    worlds = sorted({world for world, _ in reduce})
    sizes = sorted({size for _, size in reduce})

    print("Allreduce on loopback, µs:\n")
    print("| ranks | " + " | ".join(f"{size:,} bytes" for size in sizes) + " |")
    print("|--:|" + "--:|" * len(sizes))
    for world in worlds:
        print(f"| {world} | " + " | ".join(f"{reduce[world, size] * 1e6:,.0f}" for size in sizes) + " |")

    latency = {world: reduce[world, sizes[0]] for world in worlds}
    large = sizes[-1]
    rate = {world: sent(world) * large / (reduce[world, large] - latency[world]) for world in worlds if world > 1}
    alone = {hidden: micros[0] * 1e-6 for (world, hidden, _), micros in steps.items() if world == 1}

    print("\nA step of 128 pictures a rank, µs, measured and (as the model says), and pictures/s of all ranks against one:\n")
    print("| hidden units | parameters | alone | " + " | ".join(f"{world} ranks" for world in worlds) + " |")
    print("|--:|--:|--:|" + "--:|" * len(worlds))
    for hidden in sorted(alone):
        cells = []
        parameters = 0
        for world in worlds:
            (parameters, (_, together)) = next((n, v) for (w, h, n), v in steps.items() if (w, h) == (world, hidden))
            model = alone[hidden] * max(1, world / cores) + latency[world]
            model += sent(world) * 4 * parameters / rate[world] if world > 1 else 0
            gain = world * alone[hidden] / (together * 1e-6)
            cells.append(f"{together:,.0f} ({model * 1e6:,.0f}), {gain:.2f}×")
        print(f"| {hidden} | {parameters:,} | {alone[hidden] * 1e6:,.0f} | " + " | ".join(cells) + " |")

    loop = rate[2]
    least, most = min(alone), max(alone)
    count = {hidden: next(n for (_, h, n) in steps if h == hidden) for hidden in alone}
    per_parameter = (alone[most] - alone[least]) / (count[most] - count[least])
    fixed = alone[least] - per_parameter * count[least]

    def speedup(world, parameters, bandwidth):
        compute = fixed + per_parameter * parameters
        wire = 2 * (world - 1) * HOP + sent(world) * 4 * parameters * (1 / bandwidth + 1 / loop)
        return world * compute / (compute + wire)

    def pays(world, bandwidth, at_least):
        """The fewest parameters from which on the machines are at least so many times as fast as one."""
        for exponent in range(40, 200):
            parameters = 10 ** (exponent / 20)
            if speedup(world, parameters, bandwidth) >= at_least:
                return f"{float(f'{parameters:.1g}'):,.0f}"
        return "none"

    print(f"\nWhat the model says, with {HOP * 1e6:.0f} µs a message and one core a machine: times as fast as one machine\n")
    print("| machines, network | " + " | ".join(f"{count[h]:,} parameters" for h in sorted(count)) + " | faster than one from | half of all machines' worth from |")
    print("|---|" + "--:|" * (len(count) + 2))
    for world in (8, 64):
        for name, bandwidth in NETWORKS.items():
            cells = [f"{speedup(world, count[h], bandwidth):.2f}" for h in sorted(count)]
            cells += [pays(world, bandwidth, 1), pays(world, bandwidth, world / 2)]
            print(f"| {world}, {name} | " + " | ".join(cells) + " |")
    print(f"\nMeasured here: {loop / 1e9:.2f} GB/s, {fixed * 1e6:.0f} µs a step and {per_parameter * 1e9:.2f} ns a parameter.")


if __name__ == "__main__":
    main()
