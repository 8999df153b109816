"""What is random: frozen descriptions of layers and networks, without any arithmetic."""
