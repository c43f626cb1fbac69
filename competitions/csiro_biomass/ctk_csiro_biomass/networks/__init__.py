"""The competition's network, and its parts: pieces of a picture, metadata, fusion, heads."""
