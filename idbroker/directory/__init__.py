"""People and groups of a tenant, how they are known at the IdPs, and which roles their groups give.

Rows and questions only; what changes a person's standing is ``provisioning``.
"""
