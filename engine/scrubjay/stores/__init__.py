"""Where memories live: implementations of `scrubjay.ports.MemoryStore`, one per vendor."""
