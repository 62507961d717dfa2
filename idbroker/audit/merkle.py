"""The Merkle tree over a trail, in the shape of RFC 6962 2.1, kept as its peaks: pure.

Leaf n is the hash of record n. A tree of any size is a row of perfect subtrees, the peaks, as many as its size has binary
ones; adding a leaf touches the last few, and the root follows from them. So a tree goes on from where it stood, and it goes
on as well when the records under its first peaks are kept no longer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY = hashlib.sha256().digest()
"""The root of no leaves (RFC 6962 2.1)."""


@dataclass(frozen=True, slots=True)
class Tree:
    """``peaks``: the roots of the perfect subtrees, the largest and oldest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError("a tree has one peak for every binary one of its size")

    def grown(self, record_hashes: Iterable[str]) -> Tree:
        """The tree with more leaves; each is the hash of a record, in hexadecimal."""
        size, peaks = self.size, list(self.peaks)
        for record_hash in record_hashes:
            node, place = _leaf(record_hash), size
            while place & 1:
                node = _node(peaks.pop(), node)
                place >>= 1
            peaks.append(node)
            size += 1
        return Tree(size, tuple(peaks))

    @property
    def root(self) -> str:
        return _fold(self.peaks).hex()

    def peaks_hex(self) -> list[str]:
        return [peak.hex() for peak in self.peaks]


def tree_of(size: int, peaks_hex: Sequence[str]) -> Tree:
    """Raises ValueError for what is no tree."""
    return Tree(size, tuple(bytes.fromhex(peak) for peak in peaks_hex))


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY
    *rest, root = peaks
    for peak in reversed(rest):
        root = _node(peak, root)
    return root


def _leaf(record_hash: str) -> bytes:
    return hashlib.sha256(b"\x00" + bytes.fromhex(record_hash)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
