"""Tenants: slug, tier, region and the life cycle with what each state allows.

Domains and connections of a tenant are ``connections``; people are ``directory``.
"""
