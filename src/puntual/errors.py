"""Every error that Puntual raises on purpose; each message gives value, expectation and remedy.

PuntualError
├── TableError                a flight table that cannot be read as it is
│   ├── MissingColumnError    a column that the table should have
│   ├── BadValueError         cells: names file, row, column, value, expectation and remedy
│   ├── UnknownAirportError   no code of an airport, or an origin that nobody lists without its time zone
│   ├── DuplicateFlightError  the same flight twice
│   └── OutcomeAsFeatureError a map that would let what happened describe the flight
├── MapError                  a map of columns (TOML) that says something it cannot mean
├── NotEnoughFlightsError     too few flights, or too few late ones, to learn or to score
├── CostError                 a cost of false alarms and misses that cannot be read (also a ValueError)
├── UnknownCandidateError     a model or treatment that is not among those that compete
├── NotKnownYetError          a feature that is not known at the cut-off
├── BundleError               a bundle that is truncated, altered, of another format or incomplete
├── SigningKeyError           a key to sign bundles with, or to trust, that is none
├── RegistryError             a registry that lacks what was asked of it, or was changed meanwhile
├── StorageError              a folder, bucket or file that cannot be used, or a file that arrived altered
│   └── OversizedFileError    a file larger than any of its kind, which is not read
├── GateRefusedError          a challenger that failed a numbered check
├── SettingError              a setting of the service that cannot be
├── JournalError              a journal that cannot be one, or does not take what has to be durable
├── ApiKeyError               an API key that cannot be made, found or read
├── NoAnswerError             a service that was called and did not answer
├── ReplayError               a day that says nothing of a model or service that knows it
├── NotReadyError             a service that does not answer, or has no model yet
├── ExportError               a bundle that cannot be written as another tool's model
├── StressTestError           a stress test that could not be carried out
├── ClusterError              a cluster that cannot be reached, or that lost what it was doing
└── ConversionError           an ONNX model that does not answer as its estimator does
"""

import difflib
import errno
import os
import re
from collections.abc import Iterable


class PuntualError(Exception):
    """The root: whatever is caught here has a message fit to be shown to a person."""


class TableError(PuntualError):
    """A flight table that cannot be read as it is."""


class MissingColumnError(TableError):
    """A column that the table should have and has not."""


class BadValueError(TableError):
    """Cells that cannot be read."""


class UnknownAirportError(TableError):
    """What is no code of an airport, or the code of an origin that nobody lists and whose time zone is not known."""


class DuplicateFlightError(TableError):
    """The same flight stands in the table twice."""


class OutcomeAsFeatureError(TableError):
    """A map would let a column that tells the outcome describe the flight."""


class MapError(PuntualError):
    """A map of columns that cannot be followed."""


class NotEnoughFlightsError(PuntualError):
    """Too few flights, or too few late ones, for what was asked."""


class CostError(PuntualError, ValueError):
    """A cost of false alarms and misses that cannot be read."""


class UnknownCandidateError(PuntualError):
    """A model or a treatment was named that is not among those that compete."""


class NotKnownYetError(PuntualError):
    """A feature was asked for before it is known."""


class BundleError(PuntualError):
    """A bundle that cannot be trusted or read."""


class SigningKeyError(PuntualError):
    """A key to sign bundles with, or to trust, that is none."""


class RegistryError(PuntualError):
    """A registry that lacks what was asked of it, or was changed meanwhile."""


class StorageError(PuntualError):
    """A folder, bucket or file that cannot be used, or a file that arrived altered."""


class OversizedFileError(StorageError):
    """A file is larger than any of its kind, and is not read."""


class GateRefusedError(PuntualError):
    """A challenger failed a numbered check."""


class SettingError(PuntualError):
    """A setting of the service that cannot be."""


class JournalError(PuntualError):
    """A journal that cannot be one, or does not take what has to be durable."""


class ApiKeyError(PuntualError):
    """An API key that cannot be made, found or read."""


class NoAnswerError(PuntualError):
    """A service that was called and did not answer."""


class NotReadyError(PuntualError):
    """The service of this machine does not answer, or has no model yet."""


class ReplayError(PuntualError):
    """A day that says nothing of a model or service that knows it."""


class ExportError(PuntualError):
    """A bundle that cannot be written as another tool's model."""


class StressTestError(PuntualError):
    """A stress test could not be carried out."""


class ClusterError(PuntualError):
    """A cluster cannot be reached, or lost what it was doing."""


class ConversionError(PuntualError):
    """An ONNX model does not answer as the estimator that it was made from."""


_REMEDIES = {
    errno.EACCES: "let this user read and write it, or name another place",
    errno.EPERM: "let this user read and write it, or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENOSPC: "make room there, or name another place",
    errno.EDQUOT: "make room there, or name another place",
    errno.EFBIG: "name a place that takes larger files",
    errno.ENOENT: "check the path: each folder of it must be there",
    errno.ENOTDIR: "check the path: what stands before a slash must be a folder",
    errno.EEXIST: "name another place, or move away what is there",
    errno.EISDIR: "name a file, not a folder",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EMFILE: "raise the limit of open files (ulimit -n), and repeat it",
    errno.ENOMEM: "free some memory, and repeat it",
}


def describe_os_error(error: OSError, place: object = None) -> str:
    """Say what the system refused, where and what to do; `place` is named where the error names no file.

    >>> describe_os_error(OSError(errno.ENOSPC, "No space left on device"), "out.csv")
    'out.csv: no space left on device; make room there, or name another place'
    """
    number, reason = error.errno, error.strerror
    if number is None:
        # What is written in Rust gives the number in its text alone.
        match = re.search(r"os error (\d+)", str(error))
        number = int(match[1]) if match else 0
        reason = os.strerror(number) if match else str(error) or type(error).__name__
    where = error.filename if error.filename is not None and place is None else place
    before = "" if where is None else f"{where}: "
    reason = (reason or "the system refuses it").strip()
    return (
        f"{before}{reason[:1].lower()}{reason[1:]}; {_REMEDIES.get(number, 'check the path, and repeat it')}"
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the known names nearest to `name`, as a clause that can end a message.

    >>> did_you_mean("fecha-i", ["Fecha-I", "Fecha-O", "Vlo-I"])
    "; did you mean 'Fecha-I' or 'Fecha-O'?"
    >>> did_you_mean("zzz", ["Fecha-I"])
    ''
    """
    spelled = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), list(spelled), n=2, cutoff=0.6)
    if not near:
        return ""
    return "; did you mean " + " or ".join(repr(spelled[match]) for match in near) + "?"
