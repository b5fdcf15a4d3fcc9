"""Records the article as record_trace.py does, with the same options, and prints each evaluation as a line of JSON.

The command `compare` of the Java program runs this, and shows the lines beside its own.
"""

import json

import article
import record_trace

evaluate = article.evaluate


def evaluate_and_print(model, val_loader):
    """The evaluation, printed with every digit as soon as it is there."""
    result = evaluate(model, val_loader)
    print(json.dumps(result), flush=True)
    return result


if __name__ == "__main__":
    article.evaluate = evaluate_and_print
    article.MnistModel.epoch_end = lambda self, epoch, result: None
    options = record_trace.arguments(__doc__)
    record_trace.write(record_trace.record(options), options.out)
