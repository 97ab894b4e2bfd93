"""What touches clients and frameworks beside the server's shells."""
