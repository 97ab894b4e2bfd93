"""Deploy: the composition root, the command line and the embedded stack."""
