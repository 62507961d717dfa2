"""The setup portal, ``/setup/{token}``: a customer's IT admin sets sign-in up, step by step, in his vendor's own words."""
