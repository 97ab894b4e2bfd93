"""`causeline services`: what is known of the services of a fleet, and catalogs that are brought in."""
