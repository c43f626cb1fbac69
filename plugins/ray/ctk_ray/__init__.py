"""Members, folds and trials as tasks of a Ray cluster.

``executor`` is what a run talks to. It talks over a pipe to a process of its own, the ``bridge``, which is the one that
imports Ray: what Ray prints, the signals it takes and the processes it starts stay there, and a connection that hangs
or a crash in Ray's core cannot take the run along.
"""
