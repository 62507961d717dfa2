"""Webhooks: the feed pushed to endpoints, each with a queue of its own, signed by the Standard Webhooks rules.

They follow the feed (``audit/feed.py``) with a cursor and never see the outbox. An endpoint belongs to the operator or to
one tenant; what it is sent, how often it is tried and what it answered stands in its deliveries.
"""
