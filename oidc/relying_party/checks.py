"""What a check is: a name, where it comes from, and a pure function that answers a finding.

One list, two uses: the first failed check is the verdict, the list run to the end is the diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from idbroker.federation.contract import Finding, Outcome, Stage
from oidc.relying_party.refusals import refused

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Judged:
    outcome: Outcome
    expected: str = ""
    received: str = ""
    advice: str = ""


PASSED = Judged("pass")


def failed(*, expected: str, received: str, advice: str) -> Judged:
    return Judged("fail", expected, received, advice)


def skipped(why: str) -> Judged:
    return Judged("skip", advice=why)


@dataclass(frozen=True, slots=True)
class Check(Generic[E]):
    """``code`` is the refusal when this is the first check that fails; ``status`` its HTTP status."""

    name: str
    stage: Stage
    spec: str
    code: str
    run: Callable[[E], Judged]
    status: int = 403

    def finding(self, evidence: E) -> Finding:
        judged = self.run(evidence)
        return Finding(self.name, self.stage, judged.outcome, self.spec, judged.expected, judged.received, judged.advice)

    def unrun(self, why: str) -> Finding:
        return Finding(self.name, self.stage, "skip", self.spec, advice=why)


def findings_of(checks: Sequence[Check[E]], evidence: E) -> list[Finding]:
    """Every check, to the end."""
    return [check.finding(evidence) for check in checks]


def verdict(checks: Sequence[Check[E]], evidence: E) -> list[Finding]:
    """The findings when nothing failed. Raises ReplyRefused with the code of the first failed check and all findings.

    The rest of the list still runs on a refusal: a code can be exchanged only once, so this is the one moment to diagnose.
    """
    findings = findings_of(checks, evidence)
    for check, finding in zip(checks, findings, strict=True):
        if finding.outcome == "fail":
            detail = f"{finding.check}: expected {finding.expected}, received {finding.received}"
            raise refused(check.code, detail, status=check.status, findings=findings)
    return findings
