"""From the bytes of `POST /predict` to a request: in the contract's words, or in those of the Santiago table."""

from collections.abc import Mapping
from typing import Any

import msgspec

from puntual.api.predict.contract import QUICK_DECODER, PredictRequest
from puntual.api.predict.contract_errors import faults
from puntual.api.predict.flight_reading import NOTHING
from puntual.api.predict.flight_resolution import has_codes
from puntual.api.predict.resolved_flight import ResolvedRequest
from puntual.api.predict.santiago import read_request, speaks_scl
from puntual.api.problems import ProblemError, bad_fields

_DECODER = msgspec.json.Decoder(PredictRequest)


def decode_request(body: bytes, unlisted: Mapping[str, str] = NOTHING) -> PredictRequest | ResolvedRequest:
    """Read a JSON body; raise ProblemError for one that is not valid, with an entry for each bad field.

    `unlisted` are airports that nobody lists and the model knows, with their time zones.
    """
    try:
        try:
            request = QUICK_DECODER.decode(body)
            return request if all(map(has_codes, request.flights)) else _DECODER.decode(body)
        except msgspec.ValidationError as error:
            # The typed decoder stops at the first fault, before it has seen whether the rest is JSON.
            return _in_other_words(msgspec.json.decode(body), unlisted, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(400, f"the body is not valid JSON: {error}") from error


def convert_request(given: Any, unlisted: Mapping[str, str] = NOTHING) -> PredictRequest | ResolvedRequest:
    """Read a decoded body; raise ProblemError with an entry for each bad field."""
    try:
        return msgspec.convert(given, PredictRequest)
    except msgspec.ValidationError as error:
        return _in_other_words(given, unlisted, error)


def _in_other_words(
    given: Any, unlisted: Mapping[str, str], error: msgspec.ValidationError
) -> ResolvedRequest:
    if speaks_scl(given):
        return read_request(given, unlisted)
    raise bad_fields(faults(given, str(error))) from error
