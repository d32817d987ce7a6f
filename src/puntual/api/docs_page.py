"""The browsable documentation: Swagger UI from files of our own, where no other host can be reached."""

from importlib.resources import files

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
# The user interface sets styles of its own on what it draws, and shows icons that it carries as data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Puntual API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""


@get("/docs", include_in_schema=False, media_type=MediaType.HTML)
async def page() -> Response[str]:
    """Show the API to a person, who can try it there."""
    return Response(_PAGE, media_type=MediaType.HTML, headers={"content-security-policy": _POLICY})


def _asset(name: str, kind: str) -> HTTPRouteHandler:
    @get(f"/docs/{name}", include_in_schema=False)
    async def asset() -> Response[bytes]:
        folder = "" if name == "start.js" else "vendor/swagger-ui"
        content = files("puntual.api.web").joinpath(folder, name).read_bytes()
        return Response(content, media_type=kind, headers={"cache-control": "max-age=86400"})

    return asset


ROUTES = (page, *(_asset(name, kind) for name, kind in _FILES.items()))
