"""The page for people, at `/`: it holds no rights and no data, and calls the public API like anyone."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from puntual.api.problems import ProblemError
from puntual.api.web.page_files import PageFile, page_files

# Scripts and styles of our own alone, none of them inline; only lit-html may make markup of text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
_FOR_EVER = "public, max-age=31536000, immutable"


@get("/", include_in_schema=False)
async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the page to a person."""
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return _sent(request, page_files().document, headers)


@get("/page/{digest:str}/{path:path}", include_in_schema=False)
async def page_file(
    request: Request[Any, Any, Any], digest: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Give a file that the page loads."""
    files = page_files()
    file = files.loaded.get(path.lstrip("/"))
    if file is None:
        raise ProblemError(404, f"the page has no file {path!r}; `/` loads those that it has")
    # Of a page that another release served, which is kept by nobody.
    return _sent(request, file, {"cache-control": _FOR_EVER if digest == files.digest else "no-store"})


def _sent(request: Request[Any, Any, Any], file: PageFile, headers: dict[str, str]) -> Response[bytes]:
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    packing = {"content-encoding": "gzip"} if is_packed else {}
    return Response(
        file.packed if is_packed else file.plain,
        media_type=file.media_type,
        headers={**headers, "vary": "accept-encoding", **packing},
    )


ROUTES = (page, page_file)
