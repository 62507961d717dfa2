"""``idbroker demo`` as the command line runs it: up, the addresses told, and down at Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from idbroker.demo.people import ORGANISATIONS
from idbroker.demo.seed import SeedFailed
from idbroker.demo.servers import Taken
from idbroker.demo.world import World, demo_world
from idbroker.telemetry.logs import set_up_logs

log = structlog.get_logger("idbroker.demo")


class _Ended(BaseException):
    """Ctrl-C or SIGTERM, wherever the main thread is."""


def run_demo(port: int, json_output: bool) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit status."""
    set_up_logs("console")
    try:
        with _ending_on_signals(), demo_world(port) as world:
            sys.stdout.write(_line(world) if json_output else _text(world, port))
            sys.stdout.flush()
            threading.Event().wait()
    except _Ended:
        return 0
    except (SeedFailed, Taken, RuntimeError) as error:
        sys.stderr.write(f"The demo did not come up: {error}\n")
        return 1
    return 0


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """The first signal ends the demo; later ones wait until it has ended, which takes a second or two."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        for later in before:
            signal.signal(later, signal.SIG_IGN)
        raise _Ended(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _line(world: World) -> str:
    """One line for programs."""
    logins = [
        {"kind": organisation.kind, "email": person.email, "password": person.password}
        for organisation in ORGANISATIONS
        for person in organisation.people
    ]
    scim = {"base_url": world.scim.base_url, "token": world.scim.token}
    admin = {"admin": f"{world.broker}/admin", "admin_login": world.admin_login}
    addresses = {"app": world.app, **admin, "broker": world.broker}
    more = {"api": f"{world.broker}/api/v1", "operator_key": world.operator_key, "scim": scim}
    return json.dumps({**addresses, "logins": logins, **more}) + "\n"


def _text(world: World, port: int) -> str:
    lines = [
        "",
        f"  Open  {world.app}  and sign in with one of these work e-mails:",
        "",
        *(
            f"    {person.email:<24} password {person.password:<12} {organisation.kind.upper()}, {organisation.name}"
            for organisation in ORGANISATIONS
            for person in organisation.people
        ),
        "",
        f"  The broker            {world.broker}   (front door {world.broker}/sso)",
        f"  Its administration    {world.admin_login}   (works once, for 15 minutes)",
        f"  Its Admin API         {world.broker}/api/v1   Authorization: Bearer {world.operator_key}",
        f"  SCIM of {ORGANISATIONS[0].name:<14}{world.scim.base_url}   Authorization: Bearer {world.scim.token}",
        f"  Demo SAML IdP         {world.saml_idp}",
        f"  Demo OIDC provider    {world.oidc_idp}",
        "",
        "  Everything is invented, runs on this machine alone, and is deleted at the end. Ctrl-C ends it.",
        "",
    ]
    if not world.broker.endswith(f":{port}"):
        lines.insert(1, f"  Port {port} is taken, so the broker took another one.")
    return "\n".join(lines) + "\n"
