"""A server that speaks TensorFlow Serving's contract, by REST and gRPC, and its client, which asks either.

TensorFlow Serving is the server for production. This one needs no Docker: it serves the studio, and tests use it to hold exports and the
client against the contract.
"""
