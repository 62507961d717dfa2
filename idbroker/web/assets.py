"""Style sheets, scripts and pictures of the pages: a fixed set, read at start, cached by browsers for good.

An asset's URL carries the digest of its content, so a new version has a new address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from idbroker.kernel.errors import NotFound
from idbroker.limits.names import UNLIMITED
from idbroker.web.call import Answer, Call
from idbroker.web.route import ErrorFace, OpenRoute, Row

STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER = ("cache-control", "public, max-age=31536000, immutable")
SHORTLY = ("cache-control", "public, max-age=300")


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str
    version: str


class Assets:
    """The files of the folders that are of a known kind. Any other name does not exist: no path is ever built."""

    def __init__(self, *folders: Path) -> None:
        found = (path for folder in (STATIC, *folders) for path in sorted(folder.iterdir()))
        self._files = {path.name: _read(path) for path in found if path.suffix in _MEDIA_TYPES}

    def url(self, name: str) -> str:
        """Where a page finds it. Raises KeyError for what is not there."""
        return f"/assets/{name}?v={self._files[name].version}"

    def serve(self, call: Call) -> Answer:
        asset = self._files.get(call.path_params["file"])
        if asset is None:
            raise NotFound("file")
        caching = FOREVER if call.raw_query == f"v={asset.version}" else SHORTLY
        return Answer(200, asset.body, asset.media_type, (caching,))


def asset_rows(errors: ErrorFace, assets: Assets | None = None) -> list[Row]:
    serve = (assets or Assets()).serve
    return [OpenRoute(method="GET", path="/assets/{file}", handler=serve, limit=UNLIMITED, errors=errors, inline=True)]


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _MEDIA_TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:16])
