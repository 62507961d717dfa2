"""An answer on its way out, as ASGI messages."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from idbroker.web.call import Answer


class Response:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        if answer.media_type is not None:
            text = answer.media_type.startswith("text/") and "charset=" not in answer.media_type
            kind = f"{answer.media_type}; charset=utf-8" if text else answer.media_type
            headers.append((b"content-type", kind.encode("latin-1")))
        if answer.status not in (204, 304):  # RFC 9110 8.6
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
