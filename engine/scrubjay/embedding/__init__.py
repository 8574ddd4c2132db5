"""Text as vectors: implementations of `scrubjay.ports.Embedder`."""
