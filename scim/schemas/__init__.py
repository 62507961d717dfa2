"""Attributes as data (RFC 7643 2, 7, 8.7): the schemas that we know, those that tenants define, and the look-up of a name.

``schema_set`` is where callers begin; what a value must look like is decided in ``scim.resources`` and ``scim.patch``.
"""
