"""Models of tables: linear ones, and a network with embeddings."""
