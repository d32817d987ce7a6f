"""One row of the journal: a prediction with all that was said, of what, for whom and from what was known."""

from typing import NamedTuple


class JournalLine(NamedTuple):
    """A prediction of one flight; each field is the column of its name, which `journal_schema` describes."""

    answered: str
    request_id: str
    as_of: str | None
    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: str
    late_probability: float
    model: str
    key_name: str
    peer: str
    state_of_knowledge: str
    cut_off: str | None
    horizon_minutes: int | None
    history_until: str | None
    band_up_to_15: float
    band_15_to_30: float
    band_30_to_60: float
    band_60_to_120: float
    band_over_120_or_cancelled: float
