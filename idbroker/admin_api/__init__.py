"""The machine face of administration: JSON over ``/api/v1``, problem documents, an OpenAPI 3.1 description.

Thin: each call is a permission, a body model and one use case of a feature.
"""
