"""SCIM 2.0 (RFC 7643, 7644, 9865): the customers' IdPs push people and groups.

The language is pure: ``schemas``, ``paths``, ``filters``, ``resources``, ``patch``, ``dialects``, ``bulk_plan``,
``list_query``, ``discovery`` know no row, no request and no clock. What serves and stores stands beside it.
"""
