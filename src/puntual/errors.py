"""Every error that Puntual raises on purpose; each message gives value, expectation and remedy.

PuntualError
├── BadTable              a flight table that cannot be read as it is
│   ├── MissingColumn     a column that the table should have
│   ├── BadValue          cells: names file, row, column, value, expectation and remedy
│   ├── UnknownAirport    no code of an airport, or an origin that nobody lists without its time zone
│   ├── DuplicateFlight   the same flight twice
│   └── OutcomeAsFeature  a map that would let what happened describe the flight
├── BadMap                a map of columns (TOML) that says something it cannot mean
├── NotEnoughFlights      too few flights, or too few late ones, to learn or to score
├── BadCost               a cost of false alarms and misses that cannot be read (also a ValueError)
├── UnknownCandidate      a model or treatment that is not among those that compete
├── NotKnownYet           a feature that is not known at the cut-off
├── BadBundle             a bundle that is truncated, altered, of another format or incomplete
├── BadRegistry           a registry that lacks what was asked of it, or a folder or bucket that cannot be used
├── GateRefused           a challenger that failed a numbered check
├── BadSetting            a setting of the service that cannot be
├── BadJournal            a journal that cannot be one
├── BadKey                an API key that cannot be made, found or read
├── NoAnswer              a service that was called and did not answer
├── NotReady              a service that does not answer, or has no model yet
├── CannotExport          a bundle that cannot be written as another tool's model
├── StressFailed          a stress test that could not be carried out
├── DeployFailed          a release or roll-back that did not come about
└── ConversionDisagrees   an ONNX model that does not answer as its estimator does
"""

import difflib
from collections.abc import Iterable


class PuntualError(Exception):
    """The root: whatever is caught here has a message fit to be shown to a person."""


class BadTable(PuntualError):
    """A flight table that cannot be read as it is."""


class MissingColumn(BadTable):
    """A column that the table should have and has not."""


class BadValue(BadTable):
    """Cells that cannot be read."""


class UnknownAirport(BadTable):
    """What is no code of an airport, or the code of an origin that nobody lists and whose time zone is not known."""


class DuplicateFlight(BadTable):
    """The same flight stands in the table twice."""


class OutcomeAsFeature(BadTable):
    """A map would let a column that tells the outcome describe the flight."""


class BadMap(PuntualError):
    """A map of columns that cannot be followed."""


class NotEnoughFlights(PuntualError):
    """Too few flights, or too few late ones, for what was asked."""


class BadCost(PuntualError, ValueError):
    """A cost of false alarms and misses that cannot be read."""


class UnknownCandidate(PuntualError):
    """A model or a treatment was named that is not among those that compete."""


class NotKnownYet(PuntualError):
    """A feature was asked for before it is known."""


class BadBundle(PuntualError):
    """A bundle that cannot be trusted or read."""


class BadRegistry(PuntualError):
    """A registry that lacks what was asked of it, or a folder or bucket that cannot be used."""


class GateRefused(PuntualError):
    """A challenger failed a numbered check."""


class BadSetting(PuntualError):
    """A setting of the service that cannot be."""


class BadJournal(PuntualError):
    """A journal that cannot be one."""


class BadKey(PuntualError):
    """An API key that cannot be made, found or read."""


class NoAnswer(PuntualError):
    """A service that was called and did not answer."""


class NotReady(PuntualError):
    """The service of this machine does not answer, or has no model yet."""


class CannotExport(PuntualError):
    """A bundle that cannot be written as another tool's model."""


class StressFailed(PuntualError):
    """A stress test could not be carried out."""


class DeployFailed(PuntualError):
    """A release or roll-back that did not come about; the message says what runs now."""


class ConversionDisagrees(PuntualError):
    """An ONNX model does not answer as the estimator that it was made from."""


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
