"""The gRPC shell."""
