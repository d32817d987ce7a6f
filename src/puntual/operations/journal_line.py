"""One row of the journal: a prediction with all that was answered, of what, for whom and from what was known."""

# What `journal_schema` describes, in the order of a line's values.
COLUMNS = (
    "answered",
    "request_id",
    "as_of",
    "airline",
    "flight_number",
    "origin",
    "destination",
    "scheduled_departure",
    "late_probability",
    "model",
    "key_name",
    "peer",
    "state_of_knowledge",
    "cut_off",
    "horizon_minutes",
    "history_until",
    "band_up_to_15",
    "band_15_to_30",
    "band_30_to_60",
    "band_60_to_120",
    "band_over_120_or_cancelled",
)
Value = str | float | int | None
Line = tuple[Value, ...]
