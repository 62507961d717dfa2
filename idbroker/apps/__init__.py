"""The SaaS applications that trust the broker: OAuth clients, their redirect addresses and hashed secrets.

How they speak to us is ``oidc.provider``; here is only what they are.
"""
