"""Transforms of pictures by torchvision for ctk."""
