"""`causeline session`: who is signed in with a browser."""
