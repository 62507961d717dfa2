"""Filters (RFC 7644 3.4.2.2): text -> tokens -> scim2-filter-parser's tree -> our own typed tree, bound to the schema.

``reading.read_filter`` makes a ``tree.Filter``; ``matching.matches`` decides one over a document. The compiler to SQL
stands elsewhere and sees the tree alone.
"""
