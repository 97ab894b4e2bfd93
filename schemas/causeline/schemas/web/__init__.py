"""The seam between the shells of HTTP and gRPC and the slices: requests, answers, refusals, who asks."""
