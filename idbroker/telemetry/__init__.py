"""Logs, metrics and redaction: what the operator sees of the running program.

Nothing secret passes through here: redaction runs on every log record, and labels are bounded.
"""
