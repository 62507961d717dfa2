"""E-mail addresses, domain names and URLs in one normal form each, so that comparing them is comparing text."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import idna

MAX_EMAIL = 254  # RFC 5321 4.5.3.1.3
_LOCAL_PART = re.compile(r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\]\\]{1,64}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class BadAddress(ValueError):
    """The text is not an address of the kind asked for. The message may be shown to its author."""


def normal_domain(text: str) -> str:
    """A domain name in lower-case ASCII (A-labels, IDNA 2008 with UTS 46 mapping), at least two labels, no final dot.

    Raises BadAddress for IP addresses, single labels and everything that is not a name.
    """
    name = text.strip().rstrip(".")
    if not name or len(name) > 253:
        raise BadAddress("a domain name has 1 to 253 characters")
    try:
        # What is plain letters and digits already is its own A-label; IDNA takes 0.1 ms to say so.
        plain = name.isascii() and "--" not in name
        ascii_name = name.lower() if plain else idna.encode(name, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress(f"“{name[:80]}” is not a domain name") from error
    labels = ascii_name.split(".")
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(f"“{name[:80]}” is not a domain name")
    if len(labels) < 2 or labels[-1].isdigit():
        raise BadAddress(f"“{name[:80]}” is not a domain name with at least two parts")
    return ascii_name


def normal_email(text: str) -> str:
    """An e-mail address as identity providers send it, lower-case, its domain in normal form (RFC 5321, dot-atom only).

    Non-ASCII local parts, quoted local parts and comments are refused: two spellings of one mailbox must not be two people.
    """
    if len(text) > MAX_EMAIL * 2:
        raise BadAddress("the e-mail address is too long")
    local, at, domain = text.strip().rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or not local.isascii():
        raise BadAddress("this is not an e-mail address")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise BadAddress("this is not an e-mail address")
    address = f"{local.lower()}@{normal_domain(domain)}"
    if len(address) > MAX_EMAIL:
        raise BadAddress("the e-mail address is too long")
    return address


def email_domain(address: str) -> str:
    """The domain of an address in normal form."""
    return address.rpartition("@")[2]


def parent_domains(domain: str) -> list[str]:
    """``a.b.example.com`` → ``[b.example.com, example.com]``: nearest first, never a single label."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels) - 1)]


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host names this very machine (RFC 8252 7.3, RFC 6761 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_url(text: str, *, http_allowed: bool = False) -> str:
    """``text`` itself when it is an absolute https URL (http on loopback; everywhere with ``http_allowed``).

    Refuses user-info, fragments, white space, control characters and back-slashes, at most 2,048 characters.
    """
    if len(text) > 2048 or not text.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in text):
        raise BadAddress("this is not a URL")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress("this is not a URL") from error
    if parts.scheme not in ("https", "http") or not host:
        raise BadAddress("an absolute https URL is needed")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("the URL must not carry a user name or password")
    if "#" in text:
        raise BadAddress("the URL must not have a fragment")
    if parts.scheme == "http" and not http_allowed and not is_loopback_host(host):
        raise BadAddress("the URL must be https")
    return text
