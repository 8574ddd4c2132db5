"""Who may come in to the page, as whoever runs the server says."""

from typing import Protocol

from scrubjay_tools.host import Principal


class Door(Protocol):
    """What the page asks about people; whoever runs the server answers. Thread-safe."""

    def local(self) -> Principal | None:
        """Return the person who uses this machine, None when people come in with tokens."""
        ...

    def by_token(self, text: str) -> tuple[str, Principal] | None:
        """Return a token's id and whom it stands for, None if it is not good."""
        ...

    def by_token_id(self, token_id: str) -> Principal | None:
        """Return whom the token with this id stands for, None if it has expired or been revoked."""
        ...
