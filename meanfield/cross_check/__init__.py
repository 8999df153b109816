"""Theory against simulation: the only modules that import both."""
