"""The only code that changes a person's standing: admission at sign-in (JIT), update, deactivation."""
