"""Measurement of given weight matrices and inputs."""
