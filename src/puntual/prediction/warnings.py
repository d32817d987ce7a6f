"""What lies outside what the model knows: warnings that a prediction carries, as the bits of one number a flight."""

from functools import lru_cache

import msgspec

from puntual.features.route import CODED, RARE


class PredictionWarning(msgspec.Struct, frozen=True):
    """Why a prediction rests on less than usual."""

    code: str
    message: str


WARNINGS = (
    *(
        PredictionWarning(
            f"unknown_{kind}",
            f"the model does not know this {kind}: training saw it in fewer than {RARE} flights, or never",
        )
        for kind in CODED
    ),
    PredictionWarning("unknown_route", "training saw no flight from this origin to this destination"),
    PredictionWarning(
        "far_date",
        "the flight leaves more than a year after the last flight of training, or before the first",
    ),
    PredictionWarning(
        "no_history", "no past flights reach up to this one, so no recent delays stand behind it"
    ),
    PredictionWarning("same_airport", "origin and destination are the same airport"),
    PredictionWarning(
        "time_occurs_twice",
        "the clocks show this time twice that day; the first was taken (a request may name the other by an offset)",
    ),
)
CODES = tuple(warning.code for warning in WARNINGS)
BITS = {code: 1 << place for place, code in enumerate(CODES)}


# As many sums as there are: one of each set of warnings.
@lru_cache(maxsize=1 << len(CODES))
def warnings_of(bits: int) -> tuple[PredictionWarning, ...]:
    """Read the warnings out of a sum of `BITS`."""
    return tuple(warning for warning in WARNINGS if bits & BITS[warning.code])


@lru_cache(maxsize=1 << len(CODES))
def codes_of(bits: int) -> str:
    """Join the codes of the warnings by semicolons, as a cell of a table holds them."""
    return ";".join(warning.code for warning in warnings_of(bits))
