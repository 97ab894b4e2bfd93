"""Models that judge a body and do not carry it: the event is built from the object the client sent, so that nothing is lost or reshaped."""

from typing import Any, Final

from pydantic import BaseModel, ValidationError

from causeline.schemas.web.errors import FieldError, Invalid

_VALUE_ERROR: Final = "Value error, "


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def validate(model: type[BaseModel], body: dict[str, Any], context: object = None) -> None:
    """Judge a body; validators of the model see the context. Raises Invalid that names every field that breaks a rule, and the rule."""
    try:
        model.model_validate(body, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        fields = tuple(FieldError(_path(one["loc"]), one["msg"].removeprefix(_VALUE_ERROR)) for one in details)
        raise Invalid("; ".join(f"{f.field}: {f.message}" for f in fields), fields) from error
