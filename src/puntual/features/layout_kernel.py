"""How ids are numbered, and counts laid out along the days of entities, before anything is looked up there.

Plain Python, compiled where a build can, by the types in `layout_kernel.pxd`, as `puntual.features.kernel` is.
"""

from contextlib import nullcontext
from types import SimpleNamespace

from puntual.features.kernel import Array

try:
    import cython
except ImportError:
    # Only a compiler needs it.
    cython = SimpleNamespace(nogil=nullcontext())

_WHOLE, _GOLDEN = 0xFFFFFFFFFFFFFFFF, 0x9E3779B97F4A7C15


class IdTable:
    """Distinct ids in the order in which they were first seen, as far as there is room in `ids`.

    `slots`, a power of two and more than the ids that there is room for, hold the place of an id near to where its bits
    say, -1 where there is none.
    """

    def __init__(self, ids: Array, slots: Array, bits: int) -> None:
        self.ids, self.slots, self.shift, self.count = ids, slots, 64 - bits, 0

    def number(self, wanted: Array, start: int, places: Array) -> int:
        """Write the places of n ids from `start` on; give how many of the n are done, less than all without room."""
        end: int = wanted.shape[0]
        with cython.nogil:
            for row in range(start, end):
                slot = ((wanted[row] * _GOLDEN) & _WHOLE) >> self.shift
                while self.slots[slot] >= 0 and self.ids[self.slots[slot]] != wanted[row]:
                    slot = slot + 1 if slot + 1 < self.slots.shape[0] else 0
                if self.slots[slot] < 0:
                    if self.count == self.ids.shape[0]:
                        return row
                    self.ids[self.count], self.slots[slot] = wanted[row], self.count
                    self.count += 1
                places[row] = self.slots[slot]
        return end


def count_days(entities: Array, days: Array, order: Array, last: Array, sizes: Array) -> None:
    """Count the days of each entity over n rows, shape (n, levels), of which some are -1, for no entity.

    `order` goes through the rows by their days, `last` is room for each entity's last day, -1 to begin with.
    """
    with cython.nogil:
        for place in range(order.shape[0]):
            row = order[place]
            for level in range(entities.shape[1]):
                entity = entities[row, level]
                if entity >= 0 and last[entity] != days[row]:
                    last[entity] = days[row]
                    sizes[entity] += 1


def sum_days(
    entities: Array,
    days: Array,
    order: Array,
    counts: Array,
    last: Array,
    ends: Array,
    line: Array,
    sums: Array,
) -> None:
    """Add n rows of counts, shape (n, 4), to the sums of their entities' days, one for each day; note the days.

    The arguments are those of `count_days`; `ends` says where on the line the rows of each entity end, which so far
    is where they begin, and the sums of a day stand one further on than the day itself.
    """
    with cython.nogil:
        for place in range(order.shape[0]):
            row = order[place]
            for level in range(entities.shape[1]):
                entity = entities[row, level]
                if entity < 0:
                    continue
                if last[entity] != days[row]:
                    last[entity] = days[row]
                    line[ends[entity]] = days[row]
                    ends[entity] += 1
                for count in range(counts.shape[1]):
                    sums[ends[entity], count] += counts[row, count]
