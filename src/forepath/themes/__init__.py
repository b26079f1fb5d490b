"""From many texts to chains: cut into segments, name them from a codebook."""
