"""Theory against simulation: the only modules that see both."""
