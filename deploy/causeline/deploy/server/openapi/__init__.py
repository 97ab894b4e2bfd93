"""The OpenAPI document, put together of the slices' parts."""
