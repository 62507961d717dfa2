"""SCIM 2.0 (RFC 7643, RFC 7644): the customers' IdPs push people and groups. The room is laid; nothing is served yet."""
