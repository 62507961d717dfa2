"""The two cookies: signed or opaque, tied to the site, and gone when they should be."""

from __future__ import annotations

import pytest

from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.secrets import new_secret
from idbroker.sessions.handles import Handle
from idbroker.web.cookies import MAX_SESSIONS, Cookies
from tests.support.calls import a_call

OLD, NEW = b"o" * 32, b"n" * 32


def cookies(*keys: bytes, https: bool = True) -> Cookies:
    return Cookies(keys or (OLD,), https=https, session_seconds=3600)


def parsed(header: tuple[str, str]) -> tuple[str, str, set[str]]:
    """(name, value, attributes) of a Set-Cookie header."""
    assert header[0] == "set-cookie"
    pair, *attributes = header[1].split("; ")
    name, _, value = pair.partition("=")
    return name, value, set(attributes)


def returned(jar: Cookies, header: tuple[str, str]) -> str | None:
    name, value, _ = parsed(header)
    return jar.browser_secret(a_call(cookies={name: value}))


def test_the_browsers_secret_comes_back() -> None:
    jar = cookies()
    secret, header = jar.new_browser()
    assert returned(jar, header) == secret
    assert jar.browser_secret(a_call()) is None


@pytest.mark.parametrize("https", [True, False])
def test_attributes(https: bool) -> None:
    jar = cookies(https=https)
    name, _, attributes = parsed(jar.new_browser()[1])
    session_name, _, session_attributes = parsed(jar.add_session(a_call(), str(handle())))
    shared = {"Path=/", "HttpOnly"} | ({"Secure"} if https else set())
    assert attributes == shared | {"Max-Age=86400", "SameSite=None" if https else "SameSite=Lax"}
    assert session_attributes == shared | {"Max-Age=3600", "SameSite=Lax"}
    assert name.startswith("__Host-") is https
    assert session_name.startswith("__Host-") is https


@pytest.mark.parametrize("place", range(0, 80, 7))
def test_a_tampered_cookie_is_none(place: int) -> None:
    jar = cookies()
    name, value, _ = parsed(jar.new_browser()[1])
    place %= len(value)
    changed = value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :]
    assert jar.browser_secret(a_call(cookies={name: changed})) is None


@pytest.mark.parametrize("value", ["", ".", "x", "x.y", "\xff\xfe.x", "a" * 10_000, "….…"])
def test_a_foreign_cookie_is_none(value: str) -> None:
    jar = cookies()
    assert jar.browser_secret(a_call(cookies={jar.browser_name: value})) is None


def test_keys_take_turns() -> None:
    _, old = cookies(OLD).new_browser()
    _, new = cookies(NEW, OLD).new_browser()
    assert returned(cookies(NEW, OLD), old), "an older key still opens"
    assert returned(cookies(NEW), new), "the newest one signs"
    assert returned(cookies(OLD), new) is None
    assert returned(cookies(NEW), old) is None


def handle(tenant: str | None = None) -> Handle:
    return Handle(TenantId(tenant or new_id("tnt")), f"{new_id('ses')}.{new_secret()}")


def test_a_browser_holds_one_session_a_tenant_newest_first() -> None:
    jar = cookies()
    acme, bob = new_id("tnt"), new_id("tnt")
    first, second, third = handle(acme), handle(bob), handle(acme)
    call = a_call()
    for one in (first, second, third):
        name, value, _ = parsed(jar.add_session(call, str(one)))
        call = a_call(cookies={name: value})
    assert jar.session_handles(call) == [third, second]


def test_a_browser_holds_a_few_sessions() -> None:
    jar, call, made = cookies(), a_call(), [handle() for _ in range(MAX_SESSIONS + 3)]
    for one in made:
        name, value, _ = parsed(jar.add_session(call, str(one)))
        call = a_call(cookies={name: value})
    assert jar.session_handles(call) == made[: -MAX_SESSIONS - 1 : -1]
    assert len(call.cookies[jar.session_name]) < 4096


def test_sessions_are_dropped_by_tenant() -> None:
    jar, one, other = cookies(), handle(), handle()
    call = a_call(cookies={jar.session_name: f"{one}~{other}"})
    _, value, attributes = parsed(jar.drop_sessions(call, [one.tenant]))
    assert value == str(other)
    assert "Max-Age=3600" in attributes
    _, value, attributes = parsed(jar.drop_sessions(call, [one.tenant, other.tenant]))
    assert value == ""
    assert "Max-Age=0" in attributes


@pytest.mark.parametrize("value", ["", "~", "~~~~~~~~~~", "x~y", "; Path=/", "\xff"])
def test_a_strange_session_cookie_holds_nothing(value: str) -> None:
    jar = cookies()
    call = a_call(cookies={jar.session_name: value})
    assert jar.session_handles(call) == []
    name, kept, _ = parsed(jar.add_session(call, str(one := handle())))
    assert (name, kept) == (jar.session_name, str(one))
