"""The broker: the feature list of the product is the list of packages here.

Imports point one way (``.importlinter``): composition roots, faces, web kit, login, provisioning, features, storage,
kernel. The faces ``saml``, ``oidc``, ``scim`` and ``admin_ui`` stand beside this package.
"""
