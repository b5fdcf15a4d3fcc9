"""Records which lists of fractions Python 3.12 or later takes for a whole, as random_split asks, into test-data/fractions.json.

From 3.12 on, sum() loses no digits on the way; the lists are mostly those of which an earlier Python says something else.
"""

import json
import math
import random
import sys

assert sys.version_info >= (3, 12), "sum() adds in another way before Python 3.12"


def is_whole(total):
    return math.isclose(total, 1) and total <= 1


def naive(fractions):
    total = 0.0
    for fraction in fractions:
        total += fraction
    return total


def lists():
    draw = random.Random(1)
    for _ in range(400):
        shares = [draw.randint(1, 30) for _ in range(draw.randint(2, 12))]
        fractions = [share / sum(shares) for share in shares]
        if draw.random() < 0.3:
            fractions[draw.randrange(len(fractions))] *= 1 + draw.choice([1e-16, 3e-16, 1e-15, -2e-10, -2e-9, 1e-9])
        if is_whole(sum(fractions)) != is_whole(naive(fractions)) or draw.random() < 0.05:
            yield {"fractions": fractions, "is_whole": is_whole(sum(fractions))}


print(json.dumps({"python": sys.version.split()[0], "lists": list(lists())}))
