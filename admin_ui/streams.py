"""Log streams as forms: which fields a type has, how they are asked for, and the body that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from admin_ui.forms import Form
from idbroker.kernel.errors import NotFound

Asked = Literal["text", "secret", "area", "number", "words"]


@dataclass(frozen=True)
class Field:
    name: str
    label: str
    hint: str = ""
    asked: Asked = "text"
    required: bool = False
    placeholder: str = ""


@dataclass(frozen=True)
class Type:
    key: str
    title: str
    says: str
    fields: tuple[Field, ...]


TYPES: tuple[Type, ...] = (
    Type(
        "splunk_hec",
        "Splunk",
        "HTTP Event Collector of Splunk Enterprise or Cloud",
        (
            Field("url", "Address of the collector", "Without a path it is /services/collector/event.", required=True),
            Field("token", "Token", asked="secret", required=True),
            Field("index", "Index", "The token's own when this is empty."),
            Field("sourcetype", "Source type", placeholder="idbroker:audit"),
        ),
    ),
    Type(
        "datadog",
        "Datadog",
        "Logs of Datadog, at your site",
        (
            Field("api_key", "API key", asked="secret", required=True),
            Field("site", "Site", "datadoghq.eu, us3.datadoghq.com and so on.", placeholder="datadoghq.com"),
            Field("service", "Service", placeholder="idbroker"),
            Field("tags", "Tags", "Separated by spaces, such as env:prod team:security.", asked="words"),
        ),
    ),
    Type(
        "elastic",
        "Elastic",
        "Elasticsearch, an index or a data stream",
        (
            Field("url", "Address of Elasticsearch", required=True),
            Field("index", "Index or data stream", placeholder="idbroker-audit"),
            Field("api_key", "API key", "The encoded form.", asked="secret"),
            Field("username", "or a user name"),
            Field("password", "with its password", asked="secret"),
        ),
    ),
    Type(
        "syslog",
        "Syslog",
        "RFC 5424 over TLS (RFC 5425): rsyslog, syslog-ng, QRadar and most others",
        (
            Field("host", "Host", required=True, placeholder="syslog.example.com"),
            Field("port", "Port", asked="number", placeholder="6514"),
            Field("ca_certificates", "Certificates of its authority", "In PEM; empty for public ones.", asked="area"),
            Field("app_name", "APP-NAME", placeholder="idbroker"),
            Field("facility", "Facility", "0 to 23; 13 is log audit.", asked="number", placeholder="13"),
        ),
    ),
    Type(
        "https",
        "HTTPS",
        "Your own receiver: JSON, signed by the Standard Webhooks rules",
        (
            Field("url", "Address", required=True),
            Field("authorization", "Authorization header", "If your receiver wants one beside the signature.", asked="secret"),
        ),
    ),
)
"""Streams into files are the operator's, by the API."""

BY_KEY: Mapping[str, Type] = {one.key: one for one in TYPES}


def body_of(kind: Type, form: Form, *, keep_empty: bool) -> dict[str, Any]:
    """What was typed, as the API takes it. ``keep_empty``: an empty field takes its setting away, a secret's never does."""
    body: dict[str, Any] = {}
    for one in kind.fields:
        text = form[one.name].strip()
        if not text:
            if keep_empty and one.asked != "secret":
                body[one.name] = None
        elif one.asked == "number":
            # What is no number goes on as it is, so that the API says so.
            body[one.name] = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
        elif one.asked == "words":
            body[one.name] = text.split()
        else:
            body[one.name] = text
    return body


def new_stream(form: Form) -> dict[str, Any]:
    """The body that makes what was typed. Raises NotFound for a type that no page offers."""
    kind = BY_KEY.get(form["type"])
    if kind is None:
        raise NotFound("type of log stream")
    body = {"type": kind.key, "name": form["name"].strip(), "start": "beginning" if form["beginning"] else "now"}
    return {**body, **body_of(kind, form, keep_empty=False)}


def form_of(stream: Mapping[str, Any]) -> Form:
    """A form that shows the stream as it is; never a secret."""
    kind = BY_KEY.get(stream["type"])
    values = {"name": str(stream["name"]), "active": "on" if stream["status"] != "disabled" else ""}
    for one in kind.fields if kind else ():
        value = stream.get(one.name) if one.asked != "secret" else None
        values[one.name] = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return Form(values)
