"""Fitted members of ctk runs as files that other programs run."""
