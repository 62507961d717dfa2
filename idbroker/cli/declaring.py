"""``idbroker apply`` and ``idbroker import``: a wished-for state, compared with what is and brought about."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import typer

from idbroker.app import administration
from idbroker.cli.answers import AsJson, Stop, open_services, operator
from idbroker.declared.administration import Administration, LocalAdministration, RemoteAdministration
from idbroker.declared.bringing_about import Bringing, Shown, Stopped
from idbroker.declared.references import filled
from idbroker.declared.shape import Declaration, declaration
from idbroker.declared.source import BadFile, Fault, Place, Source
from idbroker.declared.steps import Step
from idbroker.importers.assembling import IMPORTERS, Assembled, assembled
from idbroker.importers.contract import Circumstances, Unreadable
from idbroker.web.tenancy import Tenancy

declaring_app = typer.Typer()
Url = Annotated[str | None, typer.Option(help="The server to apply it to; without it, the database of the environment.")]
KeyFile = Annotated[str | None, typer.Option(help="With --url: the file with an operator's key, - for stdin.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell the difference.")]
SecretsFile = Annotated[
    Path | None, typer.Option(help="Where secrets of new apps and webhooks are written to, one line of JSON each.")
]
NEAR = ("localhost", "127.0.0.1", "::1")
MAX_FAULTS = 50


@dataclass(frozen=True)
class Manner:
    """How a declaration is brought about, beside what it says."""

    name: str
    dry_run: bool
    prune: bool
    url: str | None
    key_file: str | None
    secrets_file: Path | None
    as_json: bool


@declaring_app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="YAML: tenants, domains, connections, apps, directories, mappings, webhooks.")],
    *,
    dry_run: DryRun = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what is not in the file, of the sections that are in it. Never a tenant.")
    ] = False,
    url: Url = None,
    key_file: KeyFile = None,
    secrets_file: SecretsFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring about what a file declares. A second run changes nothing."""
    reading = import_module("idbroker.declared.reading")  # brings PyYAML along, which no other command needs
    try:
        source = filled(reading.read_file(file), os.environ, file.parent)
        wished = declaration(source)
    except BadFile as error:
        raise Stop(told(file, error.faults)) from error
    bring_about(source, wished, Manner(str(file), dry_run, prune, url, key_file, secrets_file, as_json))


@declaring_app.command("import")
def import_(
    product: Annotated[str, typer.Argument(help="polis, auth0, workos or keycloak.")],
    file: Annotated[Path, typer.Argument(help="What it exported: JSON or YAML.")],
    *,
    base_url: Annotated[str, typer.Option(help="Where the old product answers, as identity providers know it: https://….")],
    entity_id: Annotated[
        str | None, typer.Option(help="Our entity id there, where the export does not say; {connection} stands for its name.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Into this tenant (slug); else each into its own.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE or NAME=URL: an identity provider's metadata that the export lacks.")
    ] = None,
    dry_run: DryRun = False,
    declaration_only: Annotated[
        bool, typer.Option("--declaration", help="Only print the declaration that idbroker apply would read. Holds secrets.")
    ] = False,
    url: Url = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring connections over from another product; entity id and ACS address stay what identity providers know."""
    found = _imported(product, file, Circumstances(base_url.rstrip("/"), entity_id, tenant, _metadata(metadata or [])))
    for note in found.notes:
        typer.echo(note, err=True)
    if declaration_only:
        typer.echo(json.dumps(found.document, indent=2, ensure_ascii=False))
        return
    source = Source(found.document, secret=frozenset(_secret_places(found.document)))
    try:
        wished = declaration(source)
    except BadFile as error:
        raise Stop(told(file, error.faults)) from error
    manner = Manner(str(file), dry_run, prune=False, url=url, key_file=key_file, secrets_file=None, as_json=as_json)
    bring_about(source, wished, manner)
    if found.left:
        raise Stop(f"{found.left} of the export could not be carried over; stderr says why of each")


def _imported(product: str, file: Path, about: Circumstances) -> Assembled:
    importer = IMPORTERS.get(product)
    if importer is None:
        raise Stop(f"the products are: {', '.join(IMPORTERS)}")
    if urlsplit(about.base_url).scheme not in ("https", "http"):
        raise Stop("--base-url is https://…, the address that identity providers know")
    reading = import_module("idbroker.declared.reading")
    try:
        return assembled(importer(reading.read_export(file), about))
    except BadFile as error:
        raise Stop(told(file, error.faults)) from error
    except Unreadable as error:
        raise Stop(f"{file}: {error}") from error


def _metadata(given: list[str]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, place = pair.partition("=")
        if not equals:
            raise Stop("--metadata is NAME=FILE or NAME=URL")
        try:
            found[name] = place if place.startswith(("https://", "http://")) else Path(place).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(f"{place} cannot be read as text: {error}") from error
    return found


def _secret_places(document: dict[str, Any]) -> Iterator[Place]:
    for slug, tenant in document["tenants"].items():
        for name in tenant.get("connections", {}):
            yield ("tenants", slug, "connections", name, "client_secret")


def bring_about(source: Source, wished: Declaration, manner: Manner) -> None:
    """Raises Stop."""
    steps: list[Step] = []
    kept: list[Shown] = []

    def tell(step: Step) -> None:
        steps.append(step)
        if not manner.as_json and step.action != "unchanged":
            typer.echo("\n".join(step.lines()))

    name = Path(manner.name)
    reason = f"declared in {name.name}"
    api = _administration(manner, reason)
    with _Secrets(manner) as secrets:

        def keep(shown: Shown) -> None:
            kept.append(shown)
            secrets.write(shown)

        bringing = Bringing(api, source, dry_run=manner.dry_run, prune=manner.prune, tell=tell, keep=keep, reason=reason)
        try:
            bringing.run(wished)
        except Stopped as stopped:
            done = "Nothing was changed." if manner.dry_run else "What is told above was done; the run can be repeated."
            raise Stop(f"{told(name, stopped.faults)}\n{done}") from stopped
        finally:
            if manner.as_json:
                typer.echo(json.dumps([step.as_document() for step in steps]))
    _sum_up(steps, kept, manner)


class _Secrets:
    """The file that is opened before anything is done, so that no secret is made that cannot be kept."""

    def __init__(self, manner: Manner) -> None:
        self._path = None if manner.dry_run else manner.secrets_file
        self._handle: int | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise Stop(f"{self._path} cannot be written: {error.strerror}") from error
        return self

    def __exit__(self, *error: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def write(self, shown: Shown) -> None:
        if self._handle is not None:
            line = {"kind": shown.kind, "name": shown.name, "id": shown.id, "secret": shown.secret}
            os.write(self._handle, json.dumps(line).encode() + b"\n")


def _administration(manner: Manner, reason: str) -> Administration:
    if manner.url is None:
        services = open_services()
        name = operator().name or "command line"
        operations = administration(services).operations
        return LocalAdministration(operations, Tenancy(services.database), services.settings.public_url, name)
    address = urlsplit(manner.url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in NEAR):
        raise Stop("--url is https://…: an operator's key goes there")
    if manner.key_file is None:
        raise Stop("--url needs an operator's key: --key-file FILE, or - for stdin. Make one: idbroker keys create")
    try:
        key = sys.stdin.read() if manner.key_file == "-" else Path(manner.key_file).read_text()
    except OSError as error:
        raise Stop(f"{manner.key_file} cannot be read: {error.strerror}") from error
    return RemoteAdministration(manner.url, key.strip(), reason)


def _sum_up(steps: list[Step], kept: list[Shown], manner: Manner) -> None:
    counts = Counter(step.action for step in steps)
    verbs = ("to create", "to change", "to remove") if manner.dry_run else ("created", "changed", "removed")
    numbers = zip((counts["create"], counts["update"], counts["remove"]), verbs, strict=True)
    typer.echo(", ".join(f"{n} {verb}" for n, verb in numbers) + f", {counts['unchanged']} unchanged", err=True)
    if kept and manner.secrets_file is None:
        names = ", ".join(f"{shown.kind} {shown.name}" for shown in kept)
        typer.echo(f"The secrets of these were not kept (--secrets-file); make new ones when you need them: {names}", err=True)


def told(file: Path, faults: Sequence[Fault]) -> str:
    return "\n".join(f"{file}: {fault}" for fault in faults[:MAX_FAULTS])
