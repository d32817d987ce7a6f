"""What answers a request that cannot be served: the vendor's errors, by its codes."""

from http import HTTPStatus
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response
from msgspec import UNSET, Meta, UnsetType

from puntual.api.problems import ProblemError

MEDIA_TYPE = "application/vnd.amadeus+json"


class Kind(NamedTuple):
    """A kind of error: its status, and the vendor's code and title."""

    status: int
    code: int
    title: str


INVALID_FORMAT = Kind(400, 477, "INVALID FORMAT")
INVALID_OPTION = Kind(400, 572, "INVALID OPTION")
INVALID_DATA = Kind(400, 4926, "INVALID DATA RECEIVED")
MISSING = Kind(400, 32171, "MANDATORY DATA MISSING")
BAD_TOKEN = Kind(401, 38190, "Invalid access token")
NO_TOKEN = Kind(401, 38191, "Invalid HTTP header")
EXPIRED = Kind(401, 38192, "Access token expired")
NOT_FOUND = Kind(404, 38196, "Resource not found")
TOO_MANY = Kind(429, 38194, "Too many requests")
INTERNAL = Kind(500, 38189, "Internal error")


class ErrorSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the fault lies: a parameter, and a value that would do."""

    parameter: str
    example: str | UnsetType = UNSET


class VendorError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One error."""

    status: int
    code: Annotated[int, Meta(examples=[477])]
    title: Annotated[str, Meta(examples=["INVALID FORMAT"])]
    detail: str
    source: ErrorSource | UnsetType = UNSET


class VendorErrors(msgspec.Struct, frozen=True):
    """All that is wrong with a request."""

    errors: list[VendorError]


class CredentialsError(msgspec.Struct, frozen=True):
    """Why no token is given (OAuth 2.0, RFC 6749)."""

    error: Annotated[str, Meta(examples=["invalid_client"])]
    error_description: str
    code: int = 38187
    title: str = "Invalid parameters"


class QueryError(ProblemError):
    """A request that cannot be answered, in the vendor's words."""

    def __init__(
        self, errors: VendorErrors | CredentialsError, status: int, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, _summary(errors), headers=headers)
        self._content = errors
        self.media_type = "application/json" if isinstance(errors, CredentialsError) else MEDIA_TYPE

    @property
    def body(self) -> bytes:
        """The errors as JSON."""
        return msgspec.json.encode(self._content)


def _summary(errors: VendorErrors | CredentialsError) -> str:
    if isinstance(errors, CredentialsError):
        return f"{errors.error}: {errors.error_description}"
    return "; ".join(f"{error.title}: {error.detail}" for error in errors.errors)


def vendor_error(kind: Kind, detail: str, parameter: str = "", example: str = "") -> VendorError:
    """Tell one error; the client shows its detail only where a parameter is named."""
    source = ErrorSource(parameter, example or UNSET) if parameter else UNSET
    return VendorError(*kind, detail, source)


def refused(*errors: VendorError, headers: dict[str, str] | None = None) -> QueryError:
    """Refuse a request for one or several errors of the same status."""
    return QueryError(VendorErrors(list(errors)), errors[0].status, headers)


def answer_problem(problem: ProblemError) -> Response[bytes]:
    """Answer with any problem in the vendor's words."""
    own = problem if isinstance(problem, QueryError) else _translated(problem)
    return Response(own.body, status_code=int(own.status), media_type=own.media_type, headers=own.headers)


def _translated(problem: ProblemError) -> QueryError:
    """Give the vendor's code to the service's own problem; of the statuses that the vendor lacks, 422 becomes 400."""
    unusable = problem.status == HTTPStatus.UNPROCESSABLE_ENTITY
    status = HTTPStatus.BAD_REQUEST if unusable else problem.status
    kind = INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _KINDS.get(status, INVALID_DATA)
    fields = [f"{error.value}: {error.expected}" for error in problem.details.errors]
    detail = "; ".join([problem.details.detail, *fields])
    return refused(vendor_error(kind._replace(status=int(status)), detail), headers=problem.headers)


_KINDS: dict[int, Kind] = {404: NOT_FOUND, 405: NOT_FOUND, 429: TOO_MANY}
