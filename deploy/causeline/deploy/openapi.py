"""One OpenAPI 3.1 document out of the slices' parts."""

from importlib.metadata import version
from typing import Any, Final

from causeline.deploy import openapi_errors, openapi_redelivery, openapi_registry
from causeline.ingest import openapi as ingest
from causeline.query_api import openapi as query_api

_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `causeline token create`, or a JWT"},
    "deskToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Api-token TOKEN`, as clients of the DESK Events API v1 send it",
    },
    "registryToken": {
        "type": "http",
        "scheme": "basic",
        "description": "For `/schemas`, `/subjects`, `/config` and `/mode`: any user, the token as password",
    },
}


def document() -> dict[str, Any]:
    """Return the document that `/openapi.json` serves: paths and schemas of the writing and the reading side, merged by path."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    own = {"paths": openapi_registry.PATHS | openapi_redelivery.PATHS}
    for part in (ingest.document(), query_api.document(), own):
        for path, item in part["paths"].items():
            described = {method: openapi_errors.completed(path, operation) for method, operation in item.items()}
            paths.setdefault(path, {}).update(described)
        schemas.update(part.get("components", {}).get("schemas", {}))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Causeline",
            "version": version("causeline"),
            "summary": "Every change and every problem of a fleet, queryable by time.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas | openapi_errors.SCHEMAS, "securitySchemes": _SCHEMES},
        # Empty first: on a server without authentication no credentials are needed.
        "security": [{}, *({name: []} for name in _SCHEMES)],
    }
