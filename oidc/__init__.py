"""OpenID Connect, both faces: ``relying_party`` towards the customers' IdPs, ``provider`` towards the apps.

The two are strangers and share ``jose`` alone.
"""
