"""MLflow as a tracker of ctk."""
