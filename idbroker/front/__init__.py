"""The pages of people who sign in: the front door ``/sso``, the e-mail page, the chooser, and the addresses at which the
IdPs' answers and logout messages arrive.
"""
