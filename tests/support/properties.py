"""How property tests run here: the same examples every time, no stopwatch, nothing left on disk."""

from __future__ import annotations

from hypothesis import settings, strategies

repeatable = settings(derandomize=True, deadline=None, max_examples=150, database=None)

any_text = strategies.text(alphabet=strategies.characters(codec=None), max_size=80)
"""Whatever text may hold, lone surrogates and NUL included."""
