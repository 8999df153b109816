"""One file per family of layer: second moments in, second moments out."""
