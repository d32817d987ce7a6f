"""Which column names tell the outcome of a flight, in the dialects of the publishers we know."""

import re
import unicodedata
from collections.abc import Iterable

# Compared without case, accents and separators: DepTime, dep_time and DEP TIME are one name.
# fmt: off
OUTCOMES = frozenset(
    {
        "deptime", "depdelay", "depdelayminutes", "depdelaynew", "depdel15", "depdelaymin",
        "departuredelay", "departuredelayminutes", "departuredelaygroups", "arrtime", "arrdelay",
        "arrdelayminutes", "arrdelaynew", "arrdel15", "arrdelaymin", "arrivaldelay",
        "arrivaldelayminutes", "arrivaldelaygroups", "airtime", "elapsedtime", "atd", "ata", "atot",
        "aldt", "aobt", "aibt", "offblock", "onblock", "offblocktime", "onblocktime", "departed",
        "arrived", "wheelsoff", "wheelson", "wheelsofftime", "wheelsontime", "taxiout", "taxiin",
        "takeoff", "landed", "landing", "delay", "delayed", "delayminutes", "delaymin",
        "minutesdelayed", "late", "islate", "isdelayed", "ontime", "atraso", "cancelled", "canceled",
        "iscancelled", "iscanceled", "cancellation", "cancellationcode", "cancellationreason",
        "diverted", "isdiverted", "carrierdelay", "weatherdelay", "nasdelay", "airsystemdelay",
        "securitydelay", "airlinedelay", "lateaircraftdelay", "firstdeptime", "totaladdgtime",
        "longestaddgtime", "delaymins", "partidareal", "chegadareal", "fechao", "vloo", "orio", "deso", "empo"
    }
)
# fmt: on
# The calendar of the departure as operated in the SCL table; elsewhere such names may be the timetable's.
SCL_CALENDAR = frozenset({"dia", "mes", "ano", "dianom"})
SCL_OUTCOME = "Fecha-O"


def tells_outcome(column: str, table: Iterable[str] = ()) -> bool:
    """Tell whether a column's name says that it describes what happened; `table` names all columns.

    >>> [name for name in ("Fecha-O", "DepTime", "actual_off", "Fecha-I") if tells_outcome(name)]
    ['Fecha-O', 'DepTime', 'actual_off']
    >>> tells_outcome("MES"), tells_outcome("MES", ["MES", "Fecha-O"])
    (False, True)
    """
    name = bare_name(column)
    as_operated = re.search(r"[^\W_][-_ ]O$", column.strip()) is not None
    calendar = name in SCL_CALENDAR and SCL_OUTCOME in table
    return as_operated or calendar or name in OUTCOMES or name.startswith("actual")


def bare_name(column: str) -> str:
    """Write a name without case, accents and separators."""
    letters = unicodedata.normalize("NFKD", column).casefold()
    return "".join(letter for letter in letters if letter.isalnum())
