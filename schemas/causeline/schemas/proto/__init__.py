r"""Protocol Buffers of the APIs that speak gRPC: the `.proto` files, and the Python generated from them.

The generated files (`*_pb2.py`, `*_pb2.pyi`, `*_pb2_grpc.py`) are committed, so that an install needs no compiler; a test generates them
again and compares. They are made from the folder `schemas` with

    python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. \
      causeline/schemas/proto/tracker/event/v1alpha1/event.proto

so that the import paths in them are those of this package.
"""
