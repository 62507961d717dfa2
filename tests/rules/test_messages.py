"""What end users read: every sentence in every language, and the language that they asked for."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from idbroker.web.messages import DEFAULT, ENGLISH, LANGUAGES, TRANSLATIONS, Words, words_for

FOLDER = Path(__file__).parents[2] / "idbroker" / "web" / "templates"
PAGES = ("email", "choose", "refused", "handover", "account", "logout_confirm", "signed_out")
_QUOTED = re.compile(r'"((?:[^"\\\\]|\\\\.)*)"')
FIXED = {"Reference:", "·"}
"""The reference's own form is what support looks for, in any language."""


def told_by(page: str) -> set[str]:
    """The sentences that a template has translated."""
    text = (FOLDER / f"{page}.html").read_text(encoding="utf-8")
    calls = re.findall(r"\bt\((.*?)\)(?=\s|}|$)", text)
    return {
        found
        for call in calls
        for found in _QUOTED.findall(re.split(r",\s*\w+=", call)[0])
        if " " in found or found[:1].isupper()
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_sentence_of_a_page_is_in_the_catalogue(page: str) -> None:
    told = told_by(page)
    assert told
    for language in LANGUAGES[1:]:
        assert told - set(TRANSLATIONS[language]) == set(), f"{page}.html says it, and it is not in {language}"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_anything_past_the_catalogue(page: str) -> None:
    text = (FOLDER / f"{page}.html").read_text(encoding="utf-8")
    bare = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", "\n", text, flags=re.DOTALL)
    assert {line.strip() for line in bare.splitlines() if line.strip()} <= FIXED
    for attribute in re.findall(r'(?:aria-label|title|alt|placeholder)="([^"{]+)"', text):
        assert attribute == "you@company.com"


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_says_everything_and_fills_in_the_same(language: str) -> None:
    assert set(TRANSLATIONS[language]) == set(TRANSLATIONS[LANGUAGES[1]])
    for sentence, translation in TRANSLATIONS[language].items():
        assert translation.strip(), sentence
        assert names(translation) == names(sentence), sentence


@pytest.mark.parametrize(
    ("ui_locales", "accept", "language"),
    [
        (None, None, "en"), (None, "de", "de"), (None, "de-AT,de;q=0.9,en;q=0.8", "de"), (None, "en;q=0.1, de;q=0.9", "de"),
        (None, "en-GB, de;q=0.9", "en"), (None, "fr, de;q=0.5", "de"), (None, "fr", "en"), (None, "*", "en"),
        (None, "de;q=0", "en"), ("de", "en", "de"), ("fr de en", "en", "de"), ("de-CH", None, "de"), ("DE", None, "de"),
        ("xx", "de", "de"),
        ("", "de", "de"), ("<script>", "de;q=nan", "en"), ("de" * 500, "de;q=9", "en"), (None, "," * 5000, "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_was_asked_for(ui_locales: str | None, accept: str | None, language: str) -> None:
    assert words_for(ui_locales, accept).language == language


def test_what_has_no_translation_says_in_which_language_it_is() -> None:
    german = Words("de")
    assert german("Continue") == "Weiter"
    assert german("Sign in to {app}", app="{host} & <b>") == "Bei {host} & <b> anmelden"
    assert (german("Never said"), german.lang("Never said"), german.lang("Continue")) == ("Never said", DEFAULT, "de")
    assert ENGLISH("Sign in to {app}", app="Notes") == "Sign in to Notes"
