"""The calls of a pass as layers: theory along the graph, and the network of a model."""
