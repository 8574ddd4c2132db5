"""The verbs: add, search, list, update, forget. Each is a function of an `Engine` and a `Caller`."""
