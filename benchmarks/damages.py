"""What bad disks and power cuts make of a file's content, at random."""

import random
from collections.abc import Callable

Damage = Callable[[bytes, random.Random], bytes]


def zeroed(content: bytes, randomness: random.Random) -> bytes:
    return bytes(len(content))


def truncated(content: bytes, randomness: random.Random) -> bytes:
    return content[: randomness.randint(0, max(0, len(content) - 1))]


def flipped(content: bytes, randomness: random.Random) -> bytes:
    """Turn over some bits, most likely one."""
    damaged = bytearray(content)
    for _ in range(randomness.choice((1, 1, 1, 8, 64)) if content else 0):
        damaged[randomness.randrange(len(damaged))] ^= 1 << randomness.randrange(8)
    return bytes(damaged)


def holed(content: bytes, randomness: random.Random) -> bytes:
    """Zero a piece in the middle."""
    at = randomness.randrange(max(1, len(content)))
    length = min(len(content) - at, randomness.choice((16, 512, 4_096)))
    return content[:at] + bytes(length) + content[at + length :]


def garbled(content: bytes, randomness: random.Random) -> bytes:
    """Put something else in its place."""
    return randomness.randbytes(randomness.randrange(300))


DAMAGES: dict[str, Damage] = {
    "bits flipped": flipped,
    "truncated": truncated,
    "a hole": holed,
    "zeroed": zeroed,
    "garbage": garbled,
}
