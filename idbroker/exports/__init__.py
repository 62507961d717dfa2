"""Exports: all that is kept of a person or of a whole tenant, as one JSON document that is written while it is read.

``sections`` says what of each table is shown; ``document`` writes it. Secrets, digests and what is only machinery stay here.
The shape is a reference page of its own (``docs/reference/export.md``).
"""
