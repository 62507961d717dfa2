"""Every sentence that end users read, in every language that there is. The English one is its own key.

A language is added as a member of ``LANGUAGES`` and a translation of each sentence; a test tells what is missing. Names in
braces are filled in. What the pages of administration say is not here: they are in English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idbroker.kernel.errors import Refusal
from idbroker.web.call import Call

DEFAULT = "en"
LANGUAGES = (DEFAULT, "de")
MAX_ASKED = 20
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")

GERMAN: Mapping[str, str] = {
    # Asking who somebody is
    "Sign in": "Anmelden",
    "Sign in to {app}": "Bei {app} anmelden",
    "Your organisation's own sign-in page comes next.": "Als Nächstes kommt die Anmeldeseite Ihrer Organisation.",
    "Work e-mail": "Geschäftliche E-Mail-Adresse",
    "Continue": "Weiter",
    "Please type your work e-mail address.": "Bitte geben Sie Ihre geschäftliche E-Mail-Adresse ein.",
    "This is not a complete e-mail address.": "Das ist keine vollständige E-Mail-Adresse.",
    "No organisation signs in here with this address. Check the spelling, or ask your administrator.": (
        "Mit dieser Adresse meldet sich hier keine Organisation an. Prüfen Sie die Schreibweise, oder fragen Sie Ihre "
        "Administration."
    ),
    "Choose how to sign in": "Wählen Sie, wie Sie sich anmelden",
    "{tenant} has several ways to sign in. If you are not sure which is yours, ask your administrator.": (
        "{tenant} hat mehrere Wege, sich anzumelden. Wenn Sie nicht sicher sind, welcher Ihrer ist, fragen Sie Ihre "
        "Administration."
    ),
    "{tenant} has several ways to sign in to {app}. If you are not sure which is yours, ask your administrator.": (
        "{tenant} hat mehrere Wege, sich bei {app} anzumelden. Wenn Sie nicht sicher sind, welcher Ihrer ist, fragen Sie Ihre "
        "Administration."
    ),
    # Refusals
    "Nothing here": "Hier ist nichts",
    "Nothing to see here": "Hier gibt es nichts zu sehen",
    "Too many attempts": "Zu viele Versuche",
    "Something went wrong": "Etwas ist schiefgegangen",
    "You were not signed in": "Sie wurden nicht angemeldet",
    "Sign-out not completed": "Abmeldung nicht abgeschlossen",
    "Please start at the application that you want to use.": "Bitte beginnen Sie bei der Anwendung, die Sie benutzen möchten.",
    "Sign in here": "Hier anmelden",
    "Please wait a minute, then try again.": "Bitte warten Sie eine Minute und versuchen Sie es dann noch einmal.",
    "Please try again. If it stays so, give your administrator this reference.": (
        "Bitte versuchen Sie es noch einmal. Wenn es so bleibt, geben Sie Ihrer Administration diese Referenz."
    ),
    "Please try again in a few minutes. If it stays so, give your administrator this reference.": (
        "Bitte versuchen Sie es in ein paar Minuten noch einmal. Wenn es so bleibt, geben Sie Ihrer Administration diese "
        "Referenz."
    ),
    "If it happens again, give your administrator this reference. The full reason is kept under it.": (
        "Wenn es wieder geschieht, geben Sie Ihrer Administration diese Referenz. Der ganze Grund ist darunter aufbewahrt."
    ),
    "Back to the application": "Zurück zur Anwendung",
    "This sign-in has expired or was begun in another browser. Please go back to the application and start again.": (
        "Diese Anmeldung ist abgelaufen oder wurde in einem anderen Browser begonnen. Bitte gehen Sie zurück zur Anwendung und "
        "beginnen Sie von vorn."
    ),
    "Sign-in is not set up for your organisation yet.": "Die Anmeldung ist für Ihre Organisation noch nicht eingerichtet.",
    "Sign-in is switched off for your organisation.": "Die Anmeldung ist für Ihre Organisation abgeschaltet.",
    "The organisation or sign-in method that the application asked for does not exist.": (
        "Die Organisation oder Anmeldeart, die die Anwendung verlangt, gibt es nicht."
    ),
    "Your organisation's settings do not let you in here. Please ask your administrator.": (
        "Die Einstellungen Ihrer Organisation lassen Sie hier nicht ein. Bitte fragen Sie Ihre Administration."
    ),
    "This sign-in address does not exist any more. Please go back to the application and start again.": (
        "Diese Anmeldeadresse gibt es nicht mehr. Bitte gehen Sie zurück zur Anwendung und beginnen Sie von vorn."
    ),
    "This application is not open to your organisation.": "Diese Anwendung steht Ihrer Organisation nicht offen.",
    "This sign-in was completed before. Please go back to the application and start again.": (
        "Diese Anmeldung wurde schon abgeschlossen. Bitte gehen Sie zurück zur Anwendung und beginnen Sie von vorn."
    ),
    "Your organisation's sign-in service did not ask you to sign in again, as the application requires.": (
        "Der Anmeldedienst Ihrer Organisation hat Sie nicht noch einmal nach der Anmeldung gefragt, wie es die Anwendung "
        "verlangt."
    ),
    "This page was open for too long. Please reload it and try again.": (
        "Diese Seite war zu lange offen. Bitte laden Sie sie neu und versuchen Sie es noch einmal."
    ),
    # On the way
    "One moment": "Einen Augenblick",
    "Taking you to {host} to sign in.": "Sie werden zur Anmeldung zu {host} gebracht.",
    "Taking you to {host} to sign out there too.": "Sie werden zu {host} gebracht, um sich auch dort abzumelden.",
    "Telling {host} that you are signed out here.": "{host} wird gesagt, dass Sie hier abgemeldet sind.",
    "Taking you back to {host}.": "Sie werden zu {host} zurückgebracht.",
    "Completing this step.": "Dieser Schritt wird abgeschlossen.",
    "Your browser does not run scripts, so please take this step yourself.": (
        "Ihr Browser führt keine Skripte aus, bitte tun Sie diesen Schritt deshalb selbst."
    ),
    # The account page
    "Your account": "Ihr Konto",
    "You are signed out": "Sie sind abgemeldet",
    "Nobody is signed in here with this browser.": "Mit diesem Browser ist hier niemand angemeldet.",
    "this browser": "dieser Browser",
    "Signed in since {moment}": "Angemeldet seit {moment}",
    "Signed in since {moment} from {ip}": "Angemeldet seit {moment} von {ip}",
    "Applications:": "Anwendungen:",
    "No application was opened yet.": "Noch keine Anwendung wurde geöffnet.",
    "Sign out": "Abmelden",
    "Sign out there": "Dort abmelden",
    # Signing out
    "Sign out?": "Abmelden?",
    "{app} asks to sign you out.": "{app} möchte Sie abmelden.",
    "You are about to sign out.": "Sie sind dabei, sich abzumelden.",
    "You will have to sign in again the next time you open an application that uses this sign-in.": (
        "Wenn Sie das nächste Mal eine Anwendung öffnen, die diese Anmeldung benutzt, müssen Sie sich wieder anmelden."
    ),
    "To stay signed in, just close this page.": "Um angemeldet zu bleiben, schließen Sie einfach diese Seite.",
    "You are signed out here": "Sie sind hier abgemeldet",
    "On a computer that others use too, sign out there yourself, or close the browser.": (
        "An einem Computer, den auch andere benutzen, melden Sie sich dort selbst ab, oder schließen Sie den Browser."
    ),
    "You have left {app}.": "Sie haben {app} verlassen.",
    "You can close this page now.": "Sie können diese Seite jetzt schließen.",
    "Back to {app}": "Zurück zu {app}",
}
TRANSLATIONS: Mapping[str, Mapping[str, str]] = {"de": GERMAN}


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences in one language. What has no translation stays as it is, and ``lang`` says so."""

    language: str = DEFAULT

    def __call__(self, sentence: str, **filled: object) -> str:
        told = TRANSLATIONS.get(self.language, {}).get(sentence, sentence)
        return told.format(**filled) if filled else told

    def lang(self, sentence: str) -> str:
        """Of what ``self(sentence)`` answers (WCAG 2.2, 3.1.2)."""
        return self.language if sentence in TRANSLATIONS.get(self.language, {}) else DEFAULT


ENGLISH = Words()


def words_for(ui_locales: str | None, accept_language: str | None) -> Words:
    """What the app asked for (OIDC Core 3.1.2.1) goes before what the browser asks for (RFC 9110 12.5.4)."""
    wanted = [*(ui_locales or "")[:400].split()[:MAX_ASKED], *_preferred(accept_language or "")]
    known = (_known(one) for one in wanted)
    return Words(next((language for language in known if language is not None), DEFAULT))


def spoken(call: Call) -> Words:
    """In the language of whoever calls, as far as he can be heard."""
    try:
        asked = (call.form if call.method == "POST" else call.query).get("ui_locales")
    except Refusal:
        asked = None
    return words_for(asked, call.headers.get("accept-language"))


def _known(tag: str) -> str | None:
    """``de-AT`` is served in ``de`` (RFC 4647 3.4)."""
    language = tag.partition("-")[0].lower()
    return language if language in LANGUAGES else None


def _preferred(header: str) -> Sequence[str]:
    """The languages of the header, the best first; what is no language is passed over."""
    found: list[tuple[float, str]] = []
    for part in header[:1000].split(",")[:MAX_ASKED]:
        match = _RANGE.fullmatch(part)
        if match and float(match[2] or 1) > 0:
            found.append((float(match[2] or 1), match[1]))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]
