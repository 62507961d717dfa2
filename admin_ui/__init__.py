"""The browser face of administration and the setup portal. The room is laid; nothing is served yet."""
