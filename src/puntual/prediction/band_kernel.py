"""What is worked out flight by flight between the vector and the prediction: trees, calibration and distribution.

Plain Python, compiled where a build can, by the types in `band_kernel.pxd`, as `puntual.features.kernel` is.
Logarithms and exponentials are left to numpy, of all flights at once: no other library gives the same bits.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from struct import Struct
from types import SimpleNamespace

from puntual.features.kernel import Array

try:
    import cython
except ImportError:
    # Only a compiler needs it.
    cython = SimpleNamespace(nogil=nullcontext(), compiled=False)

_NAN = math.nan
_LITTLE = 1e-12
_INFINITE = math.inf
_SINGLE = Struct("f")
# The numbers of a node.
_NODE = 4
# Trees that are walked together, and vectors that each eight is asked about before the next.
LANES, SHOWN = 8, 64


def sum_leaves(
    roots: Array,
    depths: Array,
    nodes: Array,
    splits: Array,
    weights: Array,
    bands: Array,
    matrix: Array,
    shown: Array,
    reached: Array,
    logits: Array,
) -> None:
    """Add to the logits of n vectors, in place, the weights of the leaves that they reach, tree after tree.

    A node is four numbers: the column that it reads; its split, which `splits` shows as what it is; where its first
    child stands, which is followed by the one for what is less than the split; and, for a leaf, the row of its weights.
    A leaf is its own child, so that eight trees, which are walked together, take as many steps as the deepest of them,
    `depths`: a processor waits for each node of a tree, and not for those of eight. `bands` are the first that each
    tree speaks for; `shown`, twice as wide as the vectors that are read, and `reached` are room for 64 and for eight.
    Vectors are shown without anything missing: a node reads the second half where that counts as less than the split.
    """
    with cython.nogil:
        rows, width, size = logits.shape[0], shown.shape[1] >> 1, _NODE
        # Eight trees and the vectors of a few flights stay in the processor's nearest memory.
        for start in range(0, rows, 64):
            for row in range(start, min(start + 64, rows)):
                for place in range(width):
                    value = matrix[row, place]
                    shown[row - start, place] = value if value == value else _INFINITE
                    shown[row - start, width + place] = value if value == value else -_INFINITE
            for eight in range(depths.shape[0]):
                first = 8 * eight
                for row in range(start, min(start + 64, rows)):
                    own = row - start
                    a, b, c, d = roots[first], roots[first + 1], roots[first + 2], roots[first + 3]
                    e, f, g, h = roots[first + 4], roots[first + 5], roots[first + 6], roots[first + 7]
                    for _ in range(depths[eight]):
                        a = nodes[a + 2] + size * (shown[own, nodes[a]] < splits[a + 1])
                        b = nodes[b + 2] + size * (shown[own, nodes[b]] < splits[b + 1])
                        c = nodes[c + 2] + size * (shown[own, nodes[c]] < splits[c + 1])
                        d = nodes[d + 2] + size * (shown[own, nodes[d]] < splits[d + 1])
                        e = nodes[e + 2] + size * (shown[own, nodes[e]] < splits[e + 1])
                        f = nodes[f + 2] + size * (shown[own, nodes[f]] < splits[f + 1])
                        g = nodes[g + 2] + size * (shown[own, nodes[g]] < splits[g + 1])
                        h = nodes[h + 2] + size * (shown[own, nodes[h]] < splits[h + 1])
                    reached[0], reached[1], reached[2], reached[3] = a, b, c, d
                    reached[4], reached[5], reached[6], reached[7] = e, f, g, h
                    if weights.shape[1] < 5:
                        for lane in range(8):
                            leaf, band = nodes[reached[lane] + 3], bands[first + lane]
                            for place in range(weights.shape[1]):
                                logits[row, band + place] += weights[leaf, place]
                        continue
                    # Leaves that speak for all bands are added up beside each other.
                    v, w, x = logits[row, 0], logits[row, 1], logits[row, 2]
                    y, z = logits[row, 3], logits[row, 4]
                    for lane in range(8):
                        leaf = nodes[reached[lane] + 3]
                        v, w = single(v + weights[leaf, 0]), single(w + weights[leaf, 1])
                        x, y = single(x + weights[leaf, 2]), single(y + weights[leaf, 3])
                        z = single(z + weights[leaf, 4])
                    logits[row, 0], logits[row, 1], logits[row, 2] = v, w, x
                    logits[row, 3], logits[row, 4] = y, z


def single(number: float) -> float:
    """Round to 32 bits, as which a compiler holds it."""
    return number if cython.compiled else float(_SINGLE.unpack(_SINGLE.pack(number))[0])


def recent_rates(matrix: Array, columns: Sequence[int], floor: float, ceiling: float, rates: Array) -> None:
    """Write the rates of some columns of the vectors, kept within bounds; NaN where unknown."""
    for row in range(len(rates)):
        for place in range(len(columns)):
            column = columns[place]
            rate = float(matrix[row, column])
            rates[row, place] = min(max(rate, floor), ceiling) if rate == rate else _NAN


def odds(rates: Array, weights: Sequence[float], on_recent: float, base: float, expected: Array) -> None:
    """Write the odds at the rate to be expected of n airports: recent rates and the base, weighed.

    A window out of reach hands its weight to those within it.
    """
    for row in range(len(expected)):
        reached = recent = 0.0
        for place in range(len(weights)):
            rate, weight = rates[row, place], weights[place]
            if rate == rate:
                reached += weight
                recent += rate * weight
        rate = base
        if reached > 0:
            rate = on_recent * (recent / reached) + (1.0 - on_recent) * base
        expected[row] = rate / (1.0 - rate)


def scale(logits: Array, by_band: Array, slope: float, follow: float, level: Array) -> None:
    """Scale logarithms of probabilities, in place, and raise the late bands by each flight's level.

    `by_band` are the centre, the shift and the intercept of each band.
    """
    for row in range(len(level)):
        for band in range(logits.shape[1]):
            apart = logits[row, band] + by_band[1, band] - by_band[0, band]
            scaled = by_band[0, band] + slope * apart + by_band[2, band]
            logits[row, band] = scaled + follow * level[row] if band > 0 else scaled


def less_the_largest(logits: Array) -> None:
    """Take from each row its largest, in place."""
    for row in range(logits.shape[0]):
        largest = logits[row, 0]
        for band in range(logits.shape[1]):
            largest = max(largest, logits[row, band])
        for band in range(logits.shape[1]):
            logits[row, band] -= largest


def share_out(raised: Array) -> None:
    """Divide each row by its sum, in place."""
    for row in range(raised.shape[0]):
        whole = 0.0
        for band in range(raised.shape[1]):
            whole += raised[row, band]
        for band in range(raised.shape[1]):
            raised[row, band] /= whole


def weigh(bands: Array, minutes: Array, expected: Array) -> None:
    """Write the mean of the bands' minutes, weighed by each flight's probabilities."""
    for row in range(len(expected)):
        whole = 0.0
        for band in range(len(minutes)):
            whole += bands[row, band] * minutes[band]
        expected[row] = whole


def quantiles(bands: Array, within: Array, levels: Sequence[float], minutes: Array) -> None:
    """Write the delay not exceeded with the probability of each level; `within` are evenly spaced quantiles by band."""
    steps = within.shape[1] - 1
    for row in range(len(minutes)):
        for place in range(len(levels)):
            level = levels[place]
            # The first band that reaches the level, or the last one.
            band, reached = 0, bands[row, 0]
            while reached < level and band < bands.shape[1] - 1:
                band += 1
                reached += bands[row, band]
            own = bands[row, band]
            share = min(max((level - (reached - own)) / max(own, _LITTLE), 0.0), 1.0) * steps
            step = min(int(share), steps - 1)
            low = within[band, step]
            minutes[row, place] = low + (share - step) * (within[band, step + 1] - low)


def counts(matrix: Array, columns: Sequence[int], flights: Array) -> None:
    """Write the whole numbers in some columns of the vectors, 0 where unknown."""
    for row in range(len(flights)):
        for place in range(len(columns)):
            column = columns[place]
            count = matrix[row, column]
            flights[row, place] = int(count) if count == count else 0
