"""Outbound SCIM: an app that has a SCIM 2.0 endpoint of its own is pushed the people and groups of the tenants it serves.

It follows the feed for what has changed, and pushes each resource as it stands now: what is pushed twice is the same twice.
What the app calls a resource is remembered. The SCIM server that customers' IdPs push to is ``scim``, not this.
"""
