"""Alerts: what an admin wants to be told without looking for it, each once, open until it is settled.

They follow the sealed trail, and what only counting and waiting show (failed sign-ins that rise, a directory that has fallen
silent). Each is an event of its own, and so reaches webhooks and streams; mail goes out where SMTP is configured. What is
done about one is left to the admins.
"""
