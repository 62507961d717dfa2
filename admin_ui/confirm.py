"""Acts that ask first: a page that says what will happen, and the form that does it. One table, one handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from admin_ui.desk import Desk, Screen
from admin_ui.forms import Form, typed, with_problem
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

Guard = Callable[[Call, Visit], object]


@dataclass(frozen=True, kw_only=True)
class Act:
    """``path``, ``back`` and ``after`` hold the path's parameters; ``named`` is the operation that tells the thing's name."""

    path: str
    operation: str
    title: str
    says: str
    button: str
    back: str
    done: str
    after: str | None = None
    body: Mapping[str, Any] | None = None
    named: tuple[str, str] | None = None
    reason: str = ""
    """The label of a text that goes into the body as ``reason``."""
    calm: bool = False
    """Nothing is taken away."""
    needs: Permission | None = None
    """More than the operation asks for."""


def _anybody(call: Call, visit: Visit) -> None:
    del call, visit


class Acts:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self, acts: tuple[Act, ...], guard: Guard = _anybody) -> list[Screen]:
        """``guard`` raises NotFound for what is not to be touched from these pages."""
        return [screen for act in acts for screen in self._of(act, guard)]

    def _of(self, act: Act, guard: Guard) -> list[Screen]:
        def ask(call: Call, visit: Visit) -> Answer:
            guard(call, visit)
            return self._asked(act, call, visit, Form())

        def do(call: Call, visit: Visit) -> Answer:
            guard(call, visit)
            form = typed(call)
            body = None if act.body is None else dict(act.body)
            if act.reason:
                body = {**(body or {}), "reason": form["reason"]}
            try:
                self._desk.api.run(call, act.operation, body=body)
            except Refusal as refusal:
                if refusal.status in (403, 404):
                    raise
                return self._asked(act, call, visit, with_problem(form, refusal))
            return self._desk.done((act.after or act.back).format(**call.path_params), act.done)

        return [
            self._desk.get(act.path, ask, act.operation, needs=act.needs),
            self._desk.post(act.path, do, act.operation, needs=act.needs),
        ]

    def _asked(self, act: Act, call: Call, visit: Visit, form: Form) -> Answer:
        name = ""
        if act.named is not None:
            operation, member = act.named
            name = str(self._desk.api.run(call, operation)[member])
        back = act.back.format(**call.path_params)
        return self._desk.page(call, visit, "confirm.html", form.status, act=act, name=name, back=back, form=form)
