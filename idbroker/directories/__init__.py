"""Directories: the places from which a customer's IdP provisions people and groups by SCIM, and the tokens that open them.

Rows and questions: a directory's settings and safety, its tokens, its resources as the IdP sees them, what it asked
lately. What a change does to a person is ``provisioning``; how SCIM is spoken is ``scim``.
"""
