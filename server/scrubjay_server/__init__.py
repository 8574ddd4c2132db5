"""The composition root: settings, the running server, the command line."""
