"""The pieces that bodies and answers are made of. Bodies refuse unknown fields; answers are built from rows, field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema

from idbroker.kernel.clock import rfc3339
from idbroker.web.call import Answer, json_answer

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"

Time = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""UTC, RFC 3339, milliseconds."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PRINTABLE)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Body(BaseModel):
    """What a caller sends. Nothing is coerced: ``"yes"`` is no boolean."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Document(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def shown(document: Document, status: int = 200) -> Answer:
    return json_answer(document.model_dump(mode="json"), status)


NO_CONTENT = Answer(204)
