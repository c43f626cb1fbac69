"""AML image-text retrieval as a ctk competition: from text embeddings to image embeddings, scored by MRR."""
