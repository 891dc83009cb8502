"""The exported model and the server of tests/serving, for tests of tools that call a server."""

from serving.conftest import exported, painter, pair, server

__all__ = ["exported", "painter", "pair", "server"]
