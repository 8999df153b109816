"""Softmax attention of torch models: what its rows read, as measured, and its map of second moments."""
