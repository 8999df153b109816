"""The law of the squared slope φ′² of a layer, and its transforms."""
