"""The dictionary of a full-text index: a map in the format of the Rust crate `fst` (version 3), read from its bytes.

Words are paths through an automaton: nodes that share beginnings and endings, so that no word need stand anywhere in
one piece. A node's address is that of its last byte, and it is read backwards from there. Its first two bits say which
of three forms it has: one way on to the node just before it, one way on, or any number of them. Frequent letters have
a number that fits into the same byte.

Source: https://docs.rs/fst and the sources of the crate (`raw/node.rs`, `raw/common_inputs.rs`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

_FREQUENT = b"te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG"
_NOWHERE = 0
_ONE_NEXT, _ONE = 0b11, 0b10
_MANY = 32  # a node with more ways on than this has an index of 256 bytes
_FOOTER = 20  # how many words, the first node's address, a checksum


@dataclass(frozen=True)
class Node:
    """A node of the automaton: whether a word ends here, and where each byte leads."""

    is_final: bool
    ways: dict[int, int]


class Transducer:
    """The words of a dictionary; `word in transducer` walks it."""

    def __init__(self, content: bytes) -> None:
        if int.from_bytes(content[:8], "little") != 3:
            raise ValueError("this dictionary is not of version 3 of the format")
        self._content = content
        self._root = int.from_bytes(content[-_FOOTER + 8 : -4], "little")
        self._length = int.from_bytes(content[-_FOOTER : -_FOOTER + 8], "little")

    def __len__(self) -> int:
        return self._length

    def __contains__(self, word: str) -> bool:
        node = self._node(self._root)
        for byte in word.encode():
            if byte not in node.ways:
                return False
            node = self._node(node.ways[byte])
        return node.is_final

    def __iter__(self) -> Iterator[str]:
        """Give every word, in order of its bytes."""
        waiting = [(self._root, b"")]
        while waiting:
            address, begun = waiting.pop()
            node = self._node(address)
            if node.is_final:
                yield begun.decode()
            waiting += [(node.ways[byte], begun + bytes([byte])) for byte in sorted(node.ways, reverse=True)]

    def _node(self, address: int) -> Node:
        if address == _NOWHERE:
            return Node(is_final=True, ways={})
        state = self._content[address]
        form = state >> 6
        if form == _ONE_NEXT:
            byte, end = self._byte(state, address)
            return Node(is_final=False, ways={byte: end - 1})
        if form == _ONE:
            return self._with_one_way(state, address)
        return self._with_any(state, address)

    def _byte(self, state: int, address: int) -> tuple[int, int]:
        """Return the byte of a node's only way, and the lowest address used so far."""
        number = state & 0b111111
        return (_FREQUENT[number - 1], address) if number else (self._content[address - 1], address - 1)

    def _with_one_way(self, state: int, address: int) -> Node:
        byte, at = self._byte(state, address)
        sizes = self._content[at - 1]
        to_size, out_size = sizes >> 4, sizes & 0b1111
        begin = at - 1 - to_size
        return Node(is_final=False, ways={byte: self._target(begin, to_size, begin - out_size)})

    def _with_any(self, state: int, address: int) -> Node:
        at, count = address, state & 0b111111
        if not count:
            at -= 1
            count = self._content[at]
            count = 256 if count == 1 else count  # a single way would have fitted into the first byte
        sizes = self._content[at - 1]
        to_size, out_size = sizes >> 4, sizes & 0b1111
        inputs = at - 1 - (256 if count > _MANY else 0)
        targets = inputs - count
        is_final = bool(state & 0b1000000)
        end = targets - count * to_size - out_size * (count + is_final)
        ways = {
            self._content[inputs - 1 - n]: self._target(targets - (n + 1) * to_size, to_size, end) for n in range(count)
        }
        return Node(is_final=is_final, ways=ways)

    def _target(self, begin: int, size: int, node: int) -> int:
        """Return where a way leads: it is written as a distance from the node, 0 for the last node of all."""
        distance = int.from_bytes(self._content[begin : begin + size], "little")
        return node - distance if distance else _NOWHERE
