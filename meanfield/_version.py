"""The version, read by the build and by ``meanfield --version``."""

__version__ = "0.1.0"
