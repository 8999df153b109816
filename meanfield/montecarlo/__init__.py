"""Monte Carlo simulation of networks of finite width in NumPy."""
