"""`causeline demo`: a plausible fleet, so that who looks at Causeline for the first time sees every question answered."""
