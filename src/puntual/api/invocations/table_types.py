"""What `POST /invocations` takes as JSON, in the shapes that a type can say exactly.

`dataframe_split`, and `inputs` as columns, want as many cells as there are columns or rows, which none can say.
"""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from puntual.api.described import either
from puntual.api.predict.contract import MOST_FLIGHTS, Code, ScheduledFlight, Time
from puntual.api.predict.santiago import Number, SclFlight
from puntual.sources.scl_words import MONTHS, WORDS

Month = Annotated[int, Meta(ge=1, le=12)]
MonthText = Annotated[str, Meta(extra_json_schema={"enum": list(MONTHS)})]


class InvokedFlight(ScheduledFlight, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """One flight in the contract's words; columns that nobody looks at may be there."""

    # Wider than what is asked about in the end, which is a text.
    flight_number: Code | Number | None = None  # type: ignore[assignment]
    as_of: Time | None = None


class InvokedSclFlight(SclFlight, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """One flight in the words of the Santiago table, at least one of them; other columns may be there."""

    extra_json_schema: ClassVar[dict[str, Any]] = {"anyOf": [{"required": [word]} for word in WORDS]}

    month: Month | MonthText | None = msgspec.field(name="MES", default=None)  # type: ignore[assignment]
    as_of: Time | None = None


class InvokedParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for all rows that say nothing of it: the cut-off."""

    as_of: Time | None = None


_Flight = Annotated[msgspec.Raw, either(InvokedFlight, InvokedSclFlight)]
_Flights = Annotated[list[_Flight], Meta(min_length=1, max_length=MOST_FLIGHTS)]


class RecordsTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table as pandas writes its records."""

    dataframe_records: _Flights
    params: InvokedParams | None = None


class InputsTable(msgspec.Struct, frozen=True):
    """A table as the inputs of a model."""

    inputs: _Flights
    params: InvokedParams | None = None


class InstancesTable(msgspec.Struct, frozen=True):
    """A table as the instances that a model is asked about."""

    instances: _Flights
    params: InvokedParams | None = None
