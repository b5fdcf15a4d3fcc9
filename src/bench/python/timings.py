"""What every program of a benchmark hands over: how long it trained and evaluated, as JSON in the file that --timings names."""

import json
import sys


def write(**values):
    """Writes the values; nothing if no file is named."""
    if "--timings" in sys.argv:
        with open(sys.argv[sys.argv.index("--timings") + 1], "w") as file:
            json.dump(values, file)
