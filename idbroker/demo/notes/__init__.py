"""Juniper Notes: the demo's SaaS application, as any vendor could write it.

An ordinary OpenID Connect client that knows an issuer, a client id and a secret. It imports nothing of the broker.
"""
