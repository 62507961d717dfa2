"""Who administers in a browser: operators, a tenant's admins, people with a setup link; how they sign in, and their sessions.

What they may do is ``access``; the pages are ``admin_ui``'s. API keys are strangers here.
"""
