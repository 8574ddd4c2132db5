"""The graph: a projection of current facts, with nothing of its own to keep or to forget. Pure."""
