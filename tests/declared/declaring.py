"""The whole program, and declarations brought about in it as the command does it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idbroker.declared.administration import Administration, LocalAdministration, RemoteAdministration
from idbroker.declared.bringing_about import Bringing, Shown, Stopped
from idbroker.declared.reading import read_text
from idbroker.declared.references import filled
from idbroker.declared.shape import declaration
from idbroker.declared.steps import Step
from idbroker.web.tenancy import Tenancy
from tests.support.ui_world import BASE, UiWorld


@dataclass
class Run:
    steps: list[Step] = field(default_factory=list)
    kept: list[Shown] = field(default_factory=list)
    stopped: Stopped | None = None

    @property
    def did(self) -> list[tuple[str, str, str]]:
        """(action, kind, name) of what was not as it should be."""
        return [(step.action, step.kind, step.name) for step in self.steps if step.action != "unchanged"]

    @property
    def text(self) -> str:
        return "\n".join(line for step in self.steps for line in step.lines())

    def changes(self, kind: str) -> dict[str, Any]:
        return dict(next(step for step in self.steps if step.kind == kind and step.action == "update").changes)


class DeclaringWorld(UiWorld):
    _numbers = itertools.count(1)

    @property
    def local(self) -> Administration:
        return LocalAdministration(
            self.broker.admin_api.operations, Tenancy(self.services.database), BASE, "ops (command line)"
        )

    @property
    def remote(self) -> Administration:
        http: Any = self.client
        return RemoteAdministration(BASE, self.key, "declared in a test", http)

    def slug(self) -> str:
        return f"tenant-{next(self._numbers)}"

    def apply(
        self,
        text: str,
        *,
        api: Administration | None = None,
        folder: Path = Path(),
        environment: Mapping[str, str] | None = None,
        dry_run: bool = False,
        prune: bool = False,
    ) -> Run:
        source = filled(read_text(text.encode()), environment or {}, folder)
        run = Run()
        bringing = Bringing(
            api or self.local, source, dry_run=dry_run, prune=prune, tell=run.steps.append, keep=run.kept.append
        )
        try:
            bringing.run(declaration(source))
        except Stopped as stopped:
            run.stopped = stopped
        return run
