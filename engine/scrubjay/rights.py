"""What a caller may do. The library and the launch configuration grant everything, a token what it was made for."""

from enum import StrEnum


class Right(StrEnum):
    """The scopes of a token. `admin` includes the others, and acting for other people of the same tenant."""

    READ = "memory:read"
    WRITE = "memory:write"
    ERASE = "memory:erase"
    AGENT_WRITE = "agent:write"
    ADMIN = "admin"


EVERY_RIGHT = frozenset({Right.ADMIN})
USUAL_RIGHTS = frozenset({Right.READ, Right.WRITE, Right.ERASE})
"""What a token grants when nothing is said."""

WITHIN_AGENT = {Right.WRITE: Right.AGENT_WRITE, Right.ERASE: Right.ADMIN}
"""What it takes instead in an agent's table, which everybody in the tenant reads."""


def grants(rights: frozenset[Right], needed: Right) -> bool:
    """Whether these rights are enough."""
    return needed in rights or Right.ADMIN in rights
