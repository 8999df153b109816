"""Every activation that goes by a name, a row each."""
