"""Problem documents (RFC 9457): how the Admin API words a refusal."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from idbroker.kernel.errors import Invalid, Refusal
from idbroker.web.call import Answer, Call, json_answer

MEDIA_TYPE = "application/problem+json"


def problem(refusal: Refusal, call: Call) -> Answer:
    document: dict[str, Any] = {
        "type": f"urn:idbroker:problem:{refusal.code}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.public,
        "code": refusal.code,
        "request_id": call.request_id,
    }
    if isinstance(refusal, Invalid) and refusal.errors:
        document["errors"] = [{"pointer": error.pointer, "message": error.message} for error in refusal.errors]
    headers = (("www-authenticate", 'Bearer realm="idbroker"'),) if refusal.status == 401 else ()
    return json_answer(document, refusal.status, *headers, media_type=MEDIA_TYPE)
