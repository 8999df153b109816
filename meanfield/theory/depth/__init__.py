"""What becomes of signals, kernels and gradients layer by layer."""
