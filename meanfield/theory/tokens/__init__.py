"""Where sequences of exchangeable tokens go when a block is repeated."""
