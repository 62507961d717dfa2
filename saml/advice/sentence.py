"""The shape of a sentence of advice."""

from __future__ import annotations

from dataclasses import dataclass

from saml.advice.consoles import Topic


@dataclass(frozen=True, slots=True)
class Sentence:
    """``{…}`` in the text is filled from the message. ``topic`` is the setting whose place at the vendor is told behind it."""

    text: str
    topic: Topic | None = None
