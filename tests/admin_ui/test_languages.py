"""The pages that end users see speak their language, and say which."""

from __future__ import annotations

from tests.support.ui_world import UiWorld

GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.5"}


def test_the_front_door_in_german(shared: UiWorld) -> None:
    page = shared.browser().get("/sso", **GERMAN)
    assert '<html lang="de">' in page.text
    assert "<h1>Anmelden</h1>" in page.text
    assert '<html lang="en">' in shared.browser().get("/sso").text


def test_what_the_app_asked_for_goes_on_with_the_form(shared: UiWorld) -> None:
    person = shared.browser()
    page = person.get("/sso?ui_locales=fr+de", **{"accept-language": "en"})
    assert 'name="ui_locales" value="de"' in page.text
    attempt = page.text.partition('name="attempt" value="')[2].partition('"')[0]
    fields = {"attempt": attempt, "email": "nobody@nowhere.example", "ui_locales": "de"}
    answer = person.client.post("/sso/continue", data=fields)
    assert "Mit dieser Adresse meldet sich hier keine Organisation an" in answer.text
    assert "Reference: " in answer.text


def test_a_refusal_in_german(shared: UiWorld) -> None:
    page = shared.browser().get("/sso?tenant=nobody-here", **GERMAN)
    assert "Sie wurden nicht angemeldet" in page.text
    assert '<p class="sentence" lang="de">Die Organisation oder Anmeldeart' in page.text
    assert "Reference: " in page.text
    page = shared.browser().get("/nothing/here", **GERMAN)
    assert "Hier ist nichts" in page.text


def test_no_language_breaks_a_page(shared: UiWorld) -> None:
    for asked in ("%00", "x" * 5000, "de%0d%0aset-cookie:a=b", "<script>alert(1)</script>"):
        page = shared.browser().get(f"/sso?ui_locales={asked}")
        assert page.status in (200, 400)
        assert "<script>alert" not in page.text


def test_nobody_is_signed_in_in_german(shared: UiWorld) -> None:
    assert "Mit diesem Browser ist hier niemand angemeldet." in shared.browser().get("/account", **GERMAN).text
