"""``idbroker demo``: a whole working world on embedded parts. Seed data, two demo IdPs and a demo app.

Nothing here is reachable from ``serve``. The demo app is an ordinary OpenID Connect client and imports nothing of ours.
"""
