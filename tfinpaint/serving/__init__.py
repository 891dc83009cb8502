"""A server that speaks TensorFlow Serving's contract over REST and gRPC, and a client for both.

TensorFlow Serving is the server for production. This one needs no Docker: it serves the studio, and
tests use it to check exports and the client against the contract.
"""
