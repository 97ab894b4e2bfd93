"""The stylesheet, the script and the icon, at addresses of what they hold: browsers keep them for good, a new release has new ones."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from causeline.query_api.ui.packing import TAKING_GZIP, pack_answer, takes_gzip
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest

ASSETS_PATH: Final = "/assets/{asset}"
_FOLDER: Final = files("causeline.query_api.ui").joinpath("assets")
_MEDIA: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_DIGEST: Final = 10
_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


class _Asset(NamedTuple):
    """The two answers that an asset has: as it is, and packed for who takes that."""

    plain_answer: Answer
    zipped_answer: Answer


@cache
def asset_address(name: str) -> str:
    """Return where an asset is served, such as `/assets/causeline.1a2b3c4d5e.css` for `causeline.css`."""
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(_FOLDER.joinpath(name).read_bytes()).hexdigest()[:_DIGEST]
    return f"/assets/{stem}.{digest}.{ending}"


@cache
def _assets() -> dict[str, _Asset]:
    by_name = {}
    for file in _FOLDER.iterdir():
        media = _MEDIA.get(file.name.rpartition(".")[2])
        if media is not None:
            answer = Answer(200, {"Content-Type": media, **_HEADERS}, file.read_bytes())
            by_name[asset_address(file.name).rpartition("/")[2]] = _Asset(pack_answer(answer, {}), pack_answer(answer, TAKING_GZIP))
    return by_name


async def serve_asset(request: HttpRequest) -> Answer:
    """Answer with an asset. Raises NotFound for any other name, also for an asset's of an older release."""
    asset = _assets().get(request.params["asset"])
    if asset is None:
        raise NotFound("there is no such file")
    return asset.zipped_answer if takes_gzip(request.headers) else asset.plain_answer
