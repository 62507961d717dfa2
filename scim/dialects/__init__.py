"""What single vendors do in their own way, brought into standard form in one place; everything named after one is here.

``bodies`` and ``patches`` normalise requests and tell what was unusual in them; ``recognise`` guesses the vendor.
"""
