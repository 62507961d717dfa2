"""Whose clock is wrong, which way and by how much, or whether the answer is simply old."""

from __future__ import annotations

from datetime import datetime, timedelta

from saml.advice.sentences import Symptom
from saml.checks.examination import Examination
from saml.times import read_time, write_time

KEPT_MESSAGE = timedelta(minutes=30)
"""Without a pending sign-in, an answer older than this was kept by somebody."""


def clock(exam: Examination) -> Symptom:
    """For every check on time: what the issue instant and the beginning of the sign-in tell together."""
    issued = issue_instant(exam)
    if issued is None:
        return Symptom("arrived_late", {"theirs": "an unknown time", "minutes": "some time"})
    values = {"theirs": write_time(issued), "ours": write_time(exam.now), "minutes": span(abs(exam.now - issued))}
    if issued > exam.now:
        return Symptom("clock_ahead", values)
    if exam.attempt is None:
        return Symptom("old_message", values)
    if issued < exam.attempt.begun_at - timedelta(seconds=1):
        # It answers a request that was made later than the answer: their clock is behind, by at least that much.
        values["minutes"] = f"at least {span(exam.attempt.begun_at - issued)}"
        return Symptom("clock_behind", values)
    return Symptom("arrived_late", values)


def issue_instant(exam: Examination) -> datetime | None:
    for node in (exam.assertion, exam.document):
        text = node.get("IssueInstant") if node is not None else None
        if text is not None:
            try:
                return read_time(str(text))
            except ValueError:
                continue
    return None


def span(length: timedelta) -> str:
    """``40 seconds``, ``7 minutes``, ``3 hours``, ``12 days``."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size * (2 if unit != "minute" else 1):
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
