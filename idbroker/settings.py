"""Settings from ``IDBROKER_*`` variables and a ``.env`` file. Frozen; unknown names and unsafe values are refused.

Every field has its heading in ``docs/reference/settings.md``; a test holds the two together.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from idbroker.kernel.addresses import BadAddress, checked_url, normal_email

PREFIX = "IDBROKER_"
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
REGION = r"^[a-z0-9][a-z0-9-]{0,39}$"
CELL = r"^[a-z][a-z0-9-]{0,39}$"
HOME_CELL = "home"
Networks = Annotated[tuple[IPNetwork, ...], NoDecode]


class BadSettings(Exception):
    """The environment cannot be used as it is. The message says which name and what to do; it holds no secret."""


class CellSettings(BaseModel):
    """One cell: its databases, where they stand, and whether new tenants go there that are for no cell by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    region: Annotated[str, Field(pattern=REGION)] | None = None
    new_tenants: bool | None = None
    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None
    audit_database_url: SecretStr | None = None
    audit_database_owner_url: SecretStr | None = None


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    public_url: str = "http://localhost:8080"
    database_url: SecretStr = SecretStr("sqlite:///var/idbroker.db")
    database_owner_url: SecretStr | None = None
    audit_database_url: SecretStr | None = None
    audit_database_owner_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    master_key: SecretStr | None = None
    master_key_file: Path | None = None
    outbound_allow: Networks = ()
    dns_resolver: str | None = None
    trusted_proxies: Networks = ()
    log_format: Literal["json", "console"] = "json"
    attempt_minutes: Annotated[int, Field(ge=1, le=60)] = 15
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    access_token_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    refresh_token_idle_days: Annotated[int, Field(ge=1, le=365)] = 14
    signing_key_days: Annotated[int, Field(ge=1, le=3650)] = 90
    event_days: Annotated[int, Field(ge=30, le=3650)] = 30
    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    trail_key_days: Annotated[int, Field(ge=1, le=3650)] = 365
    entitlements: Annotated[dict[str, dict[str, Any]], NoDecode] = {}
    trial_days: Annotated[int, Field(ge=0, le=3650)] = 30
    past_due_days: Annotated[int, Field(ge=0, le=3650)] = 30
    cancelled_days: Annotated[int, Field(ge=0, le=3650)] = 30
    address_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = 3000
    log_stream_folder: Path | None = None
    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    operator_reasons: Literal["told", "required"] = "told"
    stripe_api_key: SecretStr | None = None
    stripe_meters: Annotated[dict[str, str], NoDecode] = {}
    cells: Annotated[dict[Annotated[str, Field(pattern=CELL)], CellSettings], NoDecode] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``load_settings`` alone reads the environment: a second reader would see names and values that it had judged."""
        return (init_settings,)

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, url: str) -> str:
        try:
            # http is for a laptop and for TLS that ends in front of us inside a closed network; doctor says so.
            checked = checked_url(url.rstrip("/"), http_allowed=True).lower()
        except BadAddress as error:
            raise ValueError(str(error)) from error
        if "/" in checked.partition("://")[2] or "?" in checked:
            raise ValueError("the public URL is an origin: scheme, host and port, without a path")
        return checked

    @field_validator("outbound_allow", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise ValueError("a comma-separated list of CIDR ranges is needed, such as 10.0.0.0/8") from error

    @field_validator("entitlements", mode="before")
    @classmethod
    def _entitlements(cls, value: Any) -> Any:
        return _json(value, '{"free": {"connections": 5}}')

    @field_validator("stripe_meters", mode="before")
    @classmethod
    def _stripe_meters(cls, value: Any) -> Any:
        return _json(value, '{"sign_ins": "sign_in"}')

    @field_validator("cells", mode="before")
    @classmethod
    def _cells_as_text(cls, value: Any) -> Any:
        return _json(value, '{"eu": {"region": "eu", "database_url": "postgresql://user@host/name"}}')

    @field_validator("cells")
    @classmethod
    def _cells(cls, cells: dict[str, CellSettings]) -> dict[str, CellSettings]:
        for name, cell in cells.items():
            urls = (cell.database_url, cell.database_owner_url, cell.audit_database_url, cell.audit_database_owner_url)
            if name == HOME_CELL and any(urls):
                raise ValueError(
                    "the cell home is the database of IDBROKER_DATABASE_URL; it takes region and new_tenants alone"
                )
            if name != HOME_CELL and cell.database_url is None:
                raise ValueError(f"the cell {name} needs a database_url")
        return cells

    @field_validator("dns_resolver")
    @classmethod
    def _dns_resolver(cls, value: str | None) -> str | None:
        if value is not None:
            host, _, port = value.rpartition(":")
            try:
                ipaddress.ip_address(host.strip("[]"))
                if not 0 < int(port) < 65536:
                    raise ValueError(port)
            except ValueError as error:
                raise ValueError("host:port with an IP address is needed, such as 127.0.0.1:5353") from error
        return value

    @field_validator("log_stream_folder")
    @classmethod
    def _log_stream_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("an absolute path is needed")
        return value

    @field_validator("smtp_from")
    @classmethod
    def _smtp_from(cls, value: str | None) -> str | None:
        try:
            return None if value is None else normal_email(value)
        except BadAddress as error:
            raise ValueError(str(error)) from error

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def master_keys(self) -> tuple[bytes | str, ...]:
        """The master keys, newest first: 32 bytes each, or the name of one in a key service, ``awskms:…``. Empty when none is
        configured. Raises BadSettings."""
        text = self.master_key.get_secret_value() if self.master_key else ""
        name = "IDBROKER_MASTER_KEY"
        if not text and self.master_key_file is not None:
            name = "IDBROKER_MASTER_KEY_FILE"
            try:
                text = self.master_key_file.read_text(encoding="ascii")
            except (OSError, UnicodeError) as error:
                raise BadSettings(f"{name}: {self.master_key_file} cannot be read: {error}") from error
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(part if ":" in part else _master_key(part, name) for part in parts)


def _json(value: Any, example: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"JSON is needed, such as {example}") from error


def _master_key(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise BadSettings(f"{name} is not base64. Make one with: openssl rand -base64 32") from error
    if len(key) != 32:
        raise BadSettings(f"{name} has {len(key)} bytes where 32 are needed. Make one with: openssl rand -base64 32")
    return key


def load_settings(environment: Mapping[str, str] | None = None, env_file: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings, refuse unknown ``IDBROKER_*`` names so that typos are seen. Raises BadSettings."""
    environment = os.environ if environment is None else environment
    env_file = Path(".env") if env_file is None else env_file
    filed = {name: value or "" for name, value in dotenv_values(env_file).items()} if env_file.is_file() else {}
    found = {**filed, **environment}
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    unknown = sorted(name for name in found if name.upper().startswith(PREFIX) and name not in known)
    if unknown:
        raise BadSettings(f"unknown setting: {', '.join(unknown)}. The known ones are: {', '.join(sorted(known))}")
    values = {field: found[name] for name, field in known.items() if found.get(name)}
    try:
        return Settings(**{**values, **overrides})
    except ValidationError as error:
        raise BadSettings("; ".join(_said(e["loc"], e["msg"]) for e in error.errors())) from None


def _said(place: tuple[int | str, ...], message: str) -> str:
    within = " ".join(str(part) for part in place[1:] if part != "[key]")
    return f"{PREFIX}{str(place[0]).upper()}{f' ({within})' if within else ''}: {message.removeprefix('Value error, ')}"
