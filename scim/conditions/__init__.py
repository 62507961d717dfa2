"""Filters and sorting as SQL: the typed tree becomes bound conditions over real columns, rows and JSON, never text.

``columns`` knows what has a column, ``rows`` what is rows (members, groups), ``json`` the rest on each engine; ``compile``
puts them together. The yardstick is ``scim.filters.matching``, and every condition is two-valued: nothing is NULL.
"""
