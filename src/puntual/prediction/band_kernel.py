"""What is worked out flight by flight between the model's answer and the prediction: calibration and distribution.

Plain Python, compiled where a build can, by the types in `band_kernel.pxd`, as `puntual.features.kernel` is.
Logarithms and exponentials are left to numpy, of all flights at once: no other library gives the same bits.
"""

import math
from collections.abc import Sequence

from puntual.features.kernel import Array

_NAN = math.nan
_LITTLE = 1e-12


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
