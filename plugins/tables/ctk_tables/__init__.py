"""Tables as competitions of ctk."""
