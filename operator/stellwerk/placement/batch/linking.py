"""What hangs together, directly or through others, as links from each number to a smaller one of its group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def link(links: dict[int, int], members: Iterable[int]) -> None:
    """Make one group of these and of all that hang together with them."""
    roots = {root_of(links, one) for one in members}
    for root in roots:
        links[root] = min(roots)


def root_of(links: Mapping[int, int], one: int) -> int:
    """Return the smallest number of a group, by which it is known."""
    while (up := links.get(one, one)) != one:
        one = up
    return one
