"""Shared Signals: what apps are told of by the OpenID Shared Signals Framework, and what customers' identity providers tell us.

Streams of apps follow the feed (``audit/feed.py``) with a cursor and are pushed (RFC 8935) or polled (RFC 8936); the turns of
workers are those of ``webhooks``. Receivers belong to connections. How a SET is signed, and how one that comes is judged,
is ``oidc.signals``'; what a signal does to a person is ``provisioning``'s.
"""
