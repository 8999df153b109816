"""What is known about an activation before any network exists."""
