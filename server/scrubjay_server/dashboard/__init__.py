"""The page "What I know about you": server-rendered, a person's own memories and nobody else's."""
