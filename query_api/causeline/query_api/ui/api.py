"""The pages as an API: whose paths are theirs, who may come, and how a refusal reads."""

from http import HTTPStatus
from typing import Any, Final

from causeline.query_api.ui.rendering import page_answer
from causeline.schemas.web.api import Api, Envelope
from causeline.schemas.web.errors import Answer, RequestError
from causeline.schemas.web.openapi import TEXT, object_schema


def _say(error: RequestError) -> tuple[int, Any]:
    return error.status, {"detail": error.message}


def _refuse(error: RequestError) -> Answer:
    """Return the page that says what is wrong: where a visitor has to show who they are, it holds the form for that."""
    status = HTTPStatus(error.status)
    template = "sign_in.html" if status is HTTPStatus.UNAUTHORIZED else "refusal.html"
    values = {
        "error": error,
        "phrase": status.phrase,
        "page": "",
        "message": error.message,
        "then": "",
        "provider": getattr(error, "provider", ""),
    }
    return page_answer(template, values, error.status, error.headers)


PAGES_API: Final = Api(
    name="pages",
    title="Pages",
    envelope=Envelope(_say, "PageRefusal", object_schema({"detail": TEXT})),
    schemes=("session", "bearer"),
    unauthenticated="Pages ask who you are. A token of yours begins a session.",
    refusal=_refuse,
)
