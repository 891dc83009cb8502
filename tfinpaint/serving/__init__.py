"""A server with the REST and gRPC interfaces of TensorFlow Serving, and a client for both.

TensorFlow Serving is the server for production. This one needs no Docker. The studio runs on it,
and tests use it to check exports and the client.
"""
