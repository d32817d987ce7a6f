"""What the columns of the United States' record have been called: the monthly file, the form, and derived tables.

The publisher has renamed columns (`UniqueCarrier`, `Reporting_Airline`; `UNIQUE_CARRIER`, `OP_UNIQUE_CARRIER`), and the
yearly tables that collections derive from it have names of their own (`SCHEDULED_DEPARTURE`).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from puntual.errors import MissingColumnError
from puntual.sources.leakage import bare_name
from puntual.sources.messages import missing_column

# The table by marketing carrier names who flies before who sells, which come to the same but for regional partners.
_MARKETED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "airline": ("Operating_Airline", "Marketing_Airline_Network", "MKT_UNIQUE_CARRIER"),
        "flight_number": (
            "Flight_Number_Operating_Airline",
            "Flight_Number_Marketing_Airline",
            "MKT_CARRIER_FL_NUM",
        ),
    }
)
# Compared without case and separators; of several that are there the first is read.
# A carrier's code may have been another's before, so that the one which is never used again comes first.
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "date": ("FlightDate", "FL_DATE"),
        "year": ("Year",),
        "month": ("Month",),
        "day": ("DayofMonth", "DAY_OF_MONTH", "DAY"),
        "airline": (
            "Reporting_Airline",
            "OP_UNIQUE_CARRIER",
            "UniqueCarrier",
            "IATA_CODE_Reporting_Airline",
            "OP_CARRIER",
            "Carrier",
            "AIRLINE",
            *_MARKETED["airline"],
        ),
        "flight_number": (
            "Flight_Number_Reporting_Airline",
            "OP_CARRIER_FL_NUM",
            "FlightNum",
            "FL_NUM",
            "FLIGHT_NUMBER",
            *_MARKETED["flight_number"],
        ),
        "tail": ("Tail_Number", "TAIL_NUM"),
        "origin": ("Origin", "ORIGIN_AIRPORT"),
        "destination": ("Dest", "DESTINATION_AIRPORT"),
        "scheduled_departure": ("CRSDepTime", "SCHEDULED_DEPARTURE"),
        "departure": ("DepTime", "DEPARTURE_TIME"),
        "departure_delay": ("DepDelay", "DEPARTURE_DELAY"),
        "scheduled_arrival": ("CRSArrTime", "SCHEDULED_ARRIVAL"),
        "arrival": ("ArrTime", "ARRIVAL_TIME"),
        "arrival_delay": ("ArrDelay", "ARRIVAL_DELAY"),
        "cancelled": ("Cancelled",),
        "diverted": ("Diverted",),
    }
)
_IN_PARTS = ("year", "month", "day")
_ALWAYS = ("airline", "flight_number", "origin", "destination", "scheduled_departure")
_OPERATED = ("cancelled",)


def names_of(header: Sequence[str], table: str, *, operated: bool = True) -> dict[str, str]:
    """Say what the columns of a file are called there; raise MissingColumnError for one that it has to have.

    Unless `operated`, the columns of the operation may be missing.

    >>> names_of(["FL_DATE", "OP_UNIQUE_CARRIER", "OP_CARRIER_FL_NUM", "ORIGIN", "DEST", "CRS_DEP_TIME"], "f",
    ...     operated=False)["date"]
    'FL_DATE'
    """
    written = {bare_name(column): column for column in reversed(header)}
    names = {
        field: written[bare]
        for field, spellings in _NAMES.items()
        for bare in reversed([bare_name(spelling) for spelling in spellings])
        if bare in written
    }
    required = [*_ALWAYS, *(_OPERATED if operated else ())]
    required += [] if "date" in names else _IN_PARTS if "year" in names else ["date"]
    if operated and "departure" not in names:
        required.append("departure_delay")
    for field in required:
        if field not in names:
            raise _missing(field, table, header)
    return names


def _missing(field: str, table: str, header: Sequence[str]) -> MissingColumnError:
    return missing_column(table, _NAMES[field][0], header)
