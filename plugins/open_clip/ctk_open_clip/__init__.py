"""CLIP models of open_clip as components of ctk."""
