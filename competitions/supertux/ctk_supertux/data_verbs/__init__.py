"""What ``ctk data`` does with this homework's data: ``--generate``, ``--check``, ``--against``."""
