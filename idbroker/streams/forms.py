"""A stream as its admin describes it: one flat form, and a table of what each type needs and may have."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import FieldError, Invalid
from idbroker.outbound.standard_webhooks import PREFIX

StreamType = Literal["https", "splunk_hec", "datadog", "elastic", "syslog", "file"]
DATADOG_SITES = Literal[
    "datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "datadoghq.eu", "ap1.datadoghq.com", "ap2.datadoghq.com",
    "ddog-gov.com",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """``where`` are the fields that say who receives: with another receiver the secrets must be given again, or whoever may
    change a stream could have them sent to himself."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    where: tuple[str, ...] = ("url",)

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((*self.needs, *self.may))


KINDS: Mapping[StreamType, Kind] = {
    "https": Kind(needs=("url",), may=("secret", "authorization"), secrets=("secret", "authorization")),
    "splunk_hec": Kind(needs=("url", "token"), may=("index", "source", "sourcetype"), secrets=("token",)),
    "datadog": Kind(needs=("api_key",), may=("site", "url", "service", "tags"), secrets=("api_key",), where=("site", "url")),
    "elastic": Kind(
        needs=("url",), may=("index", "api_key", "username", "password"), secrets=("api_key", "password"), where=("url",)
    ),
    "syslog": Kind(needs=("host",), may=("port", "facility", "app_name", "ca_certificates"), where=("host", "port")),
    "file": Kind(where=()),
}
OF_EVERY_TYPE = frozenset({"type", "name", "status", "start"})

_HEADER = r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"
Token = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_HEADER)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")]
IndexName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?")


class LogStreamForm(BaseModel):
    """A log stream. Which fields belong to which type is in the reference; those of another type are refused. ``secret`` (of
    https) signs by the Standard Webhooks rules and is made when none is given. ``start``: from when on."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: StreamType = "https"
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    status: Literal["active", "disabled"] = "active"
    start: Literal["now", "beginning"] = "now"
    url: Annotated[str, Field(max_length=2048)] | None = None
    secret: Annotated[str, Field(max_length=200)] | None = None
    authorization: Token | None = None
    token: Token | None = None
    api_key: Token | None = None
    username: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f:]+$")] | None = None
    password: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    index: IndexName | None = None
    source: Word | None = None
    sourcetype: Word | None = None
    site: DATADOG_SITES | None = None
    service: Word | None = None
    tags: Annotated[list[Word], Field(max_length=20)] | None = None
    host: Annotated[str, Field(max_length=253)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    facility: Annotated[int, Field(ge=0, le=23)] | None = None
    app_name: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,48}$")] | None = None
    ca_certificates: Annotated[str, Field(max_length=100_000)] | None = None

    @field_validator("url")
    @classmethod
    def _checked_url(cls, url: str | None) -> str | None:
        try:
            return None if url is None else checked_url(url)
        except BadAddress as error:
            raise ValueError(str(error)) from error

    @field_validator("secret")
    @classmethod
    def _checked_secret(cls, secret: str | None) -> str | None:
        if secret is not None:
            try:
                size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
            except (binascii.Error, ValueError):
                size = 0
            if not (secret.startswith(PREFIX) and 24 <= size <= 64):
                raise ValueError(f"a signing secret is {PREFIX} and the base64 of 24 to 64 random bytes")
        return secret

    @field_validator("host")
    @classmethod
    def _checked_host(cls, host: str | None) -> str | None:
        if host is not None and (not _HOST.fullmatch(host) or ".." in host):
            raise ValueError("a host name or an IP address is needed, without a port")
        return None if host is None else host.strip("[]").lower()

    @field_validator("ca_certificates")
    @classmethod
    def _checked_certificates(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                x509.load_pem_x509_certificates(text.encode("ascii"))
            except ValueError as error:
                raise ValueError("certificates in PEM are needed") from error
        return text

    def settings(self) -> dict[str, Any]:
        """What may be shown again."""
        kind = KINDS[self.type]
        given = self.model_dump(include=set(kind.fields - set(kind.secrets)))
        return {name: value for name, value in given.items() if value is not None}

    def secrets(self) -> dict[str, str]:
        given = self.model_dump(include=set(KINDS[self.type].secrets))
        return {name: value for name, value in given.items() if value is not None}


def check(form: LogStreamForm, given: Mapping[str, Any], kept: Collection[str] = ()) -> None:
    """Raise Invalid unless it fits the type. ``given``: fields by name, None for what is taken away; ``kept``: secrets that
    there are already."""
    kind = KINDS[form.type]
    held = {name for name in kept if given.get(name, "kept") is not None} | set(form.secrets()) | set(form.settings())
    errors = [
        FieldError(f"/{name}", f"this is not for the type {form.type}")
        for name, value in given.items()
        if value is not None and name not in kind.fields | OF_EVERY_TYPE
    ]
    errors += [FieldError(f"/{name}", f"the type {form.type} needs it") for name in kind.needs if name not in held]
    if form.type == "elastic":
        if ("username" in held) != ("password" in held):
            errors.append(FieldError("/password", "a user name and a password go together"))
        if "api_key" in held and "username" in held:
            errors.append(FieldError("/api_key", "an API key, or a user name and a password"))
    if errors:
        raise Invalid("The request body is not right.", errors)
