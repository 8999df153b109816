"""Mappings that cannot be changed, but copied and pickled, which those of the standard library cannot."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value", covariant=True)


class ReadOnly(Mapping[Key, Value], Generic[Key, Value]):
    """A copy of a mapping, without a way to change it.

    Examples
    --------
    >>> gains = ReadOnly({"forward": 1.5})
    >>> gains["forward"], dict(gains)
    (1.5, {'forward': 1.5})
    >>> gains["forward"] = 2.0
    Traceback (most recent call last):
    TypeError: 'ReadOnly' object does not support item assignment
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: Key) -> Value:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)
