"""The exported model and the server of tests/serving, for the tests here that need them."""

from serving.conftest import exported, painter, pair, server

__all__ = ["exported", "painter", "pair", "server"]
