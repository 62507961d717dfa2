"""A form as it was typed, beside what was wrong with it: nothing that somebody typed is lost by an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from idbroker.kernel.errors import Invalid, Refusal
from idbroker.web.call import Call
from idbroker.web.csrf import FIELD

NEVER_SHOWN_AGAIN = frozenset({FIELD, "client_secret"})
VERSION = "version"
"""The field with the version that the form was made of, so that a second editor is told of the first."""


OVERTAKEN = 412
SECOND_EDITOR = (
    "Someone else changed this after you opened it, so nothing was saved. What you typed is still here; open the page anew to "
    "see what it is now. Saving from here replaces it."
)


@dataclass(frozen=True)
class Form:
    """``errors``: field → sentence, by the names of the form. ``problem``: what holds for the whole."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    status: int = 200

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def error(self, *names: str) -> str:
        return next((self.errors[name] for name in names if name in self.errors), "")


def filled(document: Mapping[str, Any]) -> Form:
    """A form that shows what is."""
    return Form({name: _as_text(value) for name, value in document.items()})


def typed(call: Call) -> Form:
    """What was posted."""
    return Form({name: call.form[name] for name in call.form if name != FIELD})


def with_problem(form: Form, refusal: Refusal) -> Form:
    """The same form with what was wrong. A pointer (``/options/jit``) belongs to the field of its first part."""
    shown = {name: value for name, value in form.values.items() if name not in NEVER_SHOWN_AGAIN}
    errors: dict[str, str] = {}
    if refusal.status == OVERTAKEN:
        return Form(shown, errors, SECOND_EDITOR, OVERTAKEN)
    if isinstance(refusal, Invalid):
        for error in refusal.errors:
            errors.setdefault(error.pointer.strip("/").partition("/")[0], _sentence(error.message))
    return Form(shown, errors, refusal.public, refusal.status)


def carrying(form: Form, present: str) -> Form:
    """The form with the version that it goes by: the one it came with, until its editor has been told of a newer one."""
    kept = form[VERSION] if form[VERSION] and form.status != OVERTAKEN else present
    return replace(form, values={**form.values, VERSION: kept})


def lines(text: str) -> list[str]:
    """One value a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    if isinstance(value, bool):
        return "on" if value else ""
    return str(value)


def _sentence(text: str) -> str:
    if not text.startswith("http"):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
