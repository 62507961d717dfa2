"""Settings: every name known, every value judged, no secret in what is said about them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from idbroker.settings import BadSettings, Settings, load_settings

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
TEXT = base64.b64encode(KEY).decode()
SECRET = "c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtc2hvd24"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no variable of the machine plays along."""
    monkeypatch.chdir(tmp_path)


def load(**environment: str) -> Settings:
    return load_settings({f"IDBROKER_{name}": value for name, value in environment.items()})


def test_the_defaults() -> None:
    settings = load()
    assert settings.public_url == "http://localhost:8080"
    assert settings.database_url.get_secret_value() == "sqlite:///var/idbroker.db"
    assert settings.log_format == "json"
    assert settings.outbound_allow == settings.trusted_proxies == ()
    assert settings.master_keys() == ()
    assert not settings.is_https


@pytest.mark.parametrize("name", ["PUBLIC_URI", "MASTERKEY", "public_url", "DATABASE_URL_", "", "X"])
def test_an_unknown_name_is_seen(name: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load(**{name: SECRET})
    assert f"IDBROKER_{name}" in str(refused.value)
    assert "IDBROKER_PUBLIC_URL" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_other_programs_variables_are_none_of_ours() -> None:
    assert load_settings({"PATH": "/bin", "OTEL_SERVICE_NAME": "x", "MY_IDBROKER_X": "y"}) == load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "acme.com"),
        ("PUBLIC_URL", "ftp://acme.com"),
        ("PUBLIC_URL", "https://acme.com/broker"),
        ("PUBLIC_URL", "https://acme.com?x=1"),
        ("PUBLIC_URL", "https://acme.com?"),
        ("PUBLIC_URL", "https://acme.com/#x"),
        ("PUBLIC_URL", "https://user:pass@acme.com"),
        ("OUTBOUND_ALLOW", "10.0.0.1/8"),
        ("OUTBOUND_ALLOW", "everything"),
        ("OUTBOUND_ALLOW", "10.0.0.0/8;192.168.0.0/16"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DNS_RESOLVER", "127.0.0.1"),
        ("DNS_RESOLVER", "dns.acme.com:53"),
        ("DNS_RESOLVER", "127.0.0.1:0"),
        ("DNS_RESOLVER", "127.0.0.1:65536"),
        ("DNS_RESOLVER", "127.0.0.1:dns"),
        ("LOG_FORMAT", "xml"),
        ("ATTEMPT_MINUTES", "0"),
        ("ATTEMPT_MINUTES", "soon"),
        ("SESSION_HOURS", "100000"),
        ("ACCESS_TOKEN_MINUTES", "61"),
        ("DATABASE_POOL", "0"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"IDBROKER_{name}: "):
        load(**{name: value})


def test_every_wrong_one_is_named_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        load(LOG_FORMAT="xml", DATABASE_POOL="0")
    assert "IDBROKER_LOG_FORMAT" in str(refused.value)
    assert "IDBROKER_DATABASE_POOL" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "kept", "https"),
    [
        ("https://broker.acme.com/", "https://broker.acme.com", True),
        ("https://broker.acme.com:8443", "https://broker.acme.com:8443", True),
        ("HTTPS://Broker.ACME.com", "https://broker.acme.com", True),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080", False),
        ("http://[::1]:8080", "http://[::1]:8080", False),
    ],
)
def test_the_public_url_is_an_origin_in_one_spelling(given: str, kept: str, https: bool) -> None:
    settings = load(PUBLIC_URL=given)
    assert settings.public_url == kept
    assert settings.is_https is https


def test_ranges_and_resolver() -> None:
    settings = load(OUTBOUND_ALLOW="127.0.0.0/8, ::1/128 ,10.1.2.3", TRUSTED_PROXIES="", DNS_RESOLVER="[::1]:5353")
    assert [str(network) for network in settings.outbound_allow] == ["127.0.0.0/8", "::1/128", "10.1.2.3/32"]
    assert settings.trusted_proxies == ()
    assert settings.dns_resolver == "[::1]:5353"


def test_an_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nIDBROKER_PUBLIC_URL=https://filed.acme.com\nexport IDBROKER_LOG_FORMAT='console'\nOTHER=1\n")
    assert load().public_url == "https://filed.acme.com"
    assert load().log_format == "console"
    assert load(PUBLIC_URL="https://set.acme.com").public_url == "https://set.acme.com"
    file.write_text("IDBROKER_PUBLC_URL=https://acme.com\n")
    with pytest.raises(BadSettings, match="IDBROKER_PUBLC_URL"):
        load()


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files leave behind where a variable is not set."""
    assert load(PUBLIC_URL="", DATABASE_POOL="", MASTER_KEY="") == load()
    monkeypatch.setenv("IDBROKER_DATABASE_POOL", "")
    monkeypatch.setenv("IDBROKER_PUBLIC_URL", "")
    assert load_settings().database_pool == load().database_pool


def test_a_given_environment_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDBROKER_PUBLIC_URL", "https://machine.acme.com")
    assert load_settings({}).public_url == "http://localhost:8080"
    assert load_settings().public_url == "https://machine.acme.com"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(KEY).decode(),
        f"  {TEXT}\n",
        f"{TEXT},",
    ],
)
def test_forms_of_a_master_key(text: str) -> None:
    assert load(MASTER_KEY=text).master_keys() == (KEY,)


def test_several_master_keys_newest_first(tmp_path: Path) -> None:
    both = f"{base64.b64encode(OTHER).decode()}, {TEXT}"
    assert load(MASTER_KEY=both).master_keys() == (OTHER, KEY)
    file = tmp_path / "key"
    file.write_text(both.replace(", ", ",\n") + "\n")
    assert load(MASTER_KEY_FILE=str(file)).master_keys() == (OTHER, KEY)
    assert load(MASTER_KEY_FILE=str(file), MASTER_KEY=TEXT).master_keys() == (KEY,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        (SECRET + "!", "not base64"),
        (SECRET, "29 bytes"),
        (base64.b64encode(KEY + b"x").decode(), "33 bytes"),
        (TEXT + "," + SECRET, "29 bytes"),
        (KEY.hex(), "48 bytes"),
    ],
)
def test_a_bad_master_key_is_refused_without_being_shown(text: str, said: str) -> None:
    settings = load(MASTER_KEY=text)
    if not text:
        assert settings.master_keys() == ()
        return
    with pytest.raises(BadSettings, match=said) as refused:
        settings.master_keys()
    assert "openssl rand -base64 32" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert text not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00binary" + KEY, SECRET.encode()])
def test_a_bad_master_key_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSettings, match="IDBROKER_MASTER_KEY_FILE") as refused:
        load(MASTER_KEY_FILE=str(file)).master_keys()
    assert SECRET not in str(refused.value)


def test_nothing_secret_is_shown() -> None:
    settings = load(
        DATABASE_URL=f"postgresql://u:{SECRET}@h/d",
        DATABASE_OWNER_URL=f"postgresql://o:{SECRET}@h/d",
        AUDIT_DATABASE_URL=f"postgresql://a:{SECRET}@h/d",
        REDIS_URL=f"redis://:{SECRET}@h",
        MASTER_KEY=SECRET,
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()
    with pytest.raises(BadSettings) as refused:
        load(DATABASE_URL=f"postgresql://u:{SECRET}@h/d", DATABASE_POOL=SECRET, OUTBOUND_ALLOW=SECRET, PUBLIC_URL=SECRET)
    assert SECRET not in str(refused.value)


def test_settings_stand_still() -> None:
    with pytest.raises(ValidationError):
        load().public_url = "https://evil.com"  # type: ignore[misc]
