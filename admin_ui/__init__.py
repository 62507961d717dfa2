"""The browser face of administration: operators, tenants' admins and the setup portal, as server-rendered pages.

Thin: a page runs operations of the Admin API for whoever looks at it, so every rule and permission is the API's own.
"""
