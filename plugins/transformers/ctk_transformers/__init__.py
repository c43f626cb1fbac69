"""Models of Hugging Face transformers as components of ctk."""
