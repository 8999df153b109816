"""Networks as short text, both ways."""
