"""A competition that takes a second: for checking components of plugins that bring no competition of their own.

It comes in three flavours, and no user ever sees it: it is installed nowhere, only laid on the path while a check goes
on.

    toy-regression      (N, 2) targets, by mean squared error
    toy-classification  one-hot (N, 3) targets, by accuracy
    toy-retrieval       targets are one of a gallery of 24 vectors with pictures, by mean reciprocal rank
"""

FLAVOURS = ("toy-regression", "toy-classification", "toy-retrieval")
