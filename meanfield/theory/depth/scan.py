"""Layer by layer: the one loop over depth. What is carried is up to the state and its rule."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import TypeVar

from meanfield.networks.layers.network import Network

Step = TypeVar("Step")
State = TypeVar("State")


def scan(
    steps: Iterable[Step],
    state: State,
    rule: Callable[[Step, State], State],
    stop: Callable[[State, State], bool] | None = None,
) -> Iterator[State]:
    """The states at layers 0, 1, …: `rule` maps one to the next, until `stop` holds for two successive ones.

    Examples
    --------
    >>> list(scan([2, 3, 4], 1, lambda factor, state: factor * state))
    [1, 2, 6, 24]
    """
    yield state
    for step in steps:
        before, state = state, rule(step, state)
        yield state
        if stop is not None and stop(before, state):
            return


def last(states: Iterable[State]) -> State:
    """The state behind the last layer; the others are not kept."""
    return deque(states, maxlen=1).pop()


def by_layer(blocks: tuple[Network, ...], depth: int) -> Iterator[Network]:
    """The blocks of layers 1 … `depth`: one that is repeated, or one a layer."""
    return chain.from_iterable(repeat(blocks, depth // len(blocks)))
