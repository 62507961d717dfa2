"""Writes that are done, answered, and taken back: whatever would refuse them refuses them. ``?dry_run=true`` asks for it, and
some calls do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from idbroker.admin_api.operation import QueryParameter
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.web.call import Answer, Call

DRY_RUN = QueryParameter(
    name="dry_run",
    description="true: answer as if, and change nothing.",
    schema={"type": "string", "enum": ["true", "false"], "default": "false"},
)


class _TakenBack(Exception):
    """Raised through the transaction, which rolls back."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def is_rehearsal(call: Call) -> bool:
    """Raises Invalid for anything but true and false: who asked for a dry run must not get a wet one."""
    text = call.query.get("dry_run", "false")
    if text not in ("true", "false"):
        raise invalid_field("/dry_run", "dry_run is true or false.")
    return text == "true"


def done(call: Call, answer: Answer) -> Answer:
    """The answer of a write, at its end and still within its transaction."""
    if is_rehearsal(call):
        take_back(answer)
    return answer


def take_back(answer: Answer) -> NoReturn:
    """End the transaction without what it did."""
    raise _TakenBack(answer)


def rehearsable(handler: Callable[[Call, TenantScope], Answer]) -> Callable[[Call, TenantScope], Answer]:
    """For a handler whose writes may ask for it."""

    def run(call: Call, scope: TenantScope) -> Answer:
        is_rehearsal(call)
        return rehearsed(handler)(call, scope)

    return run


def rehearsed(handler: Callable[[Call, TenantScope], Answer]) -> Callable[[Call, TenantScope], Answer]:
    """For a handler that opens its own transaction and may take it back."""

    def run(call: Call, scope: TenantScope) -> Answer:
        try:
            return handler(call, scope)
        except _TakenBack as end:
            return end.answer

    return run
