"""The exported model and the server of tests/serving, for what is tested with them."""

from serving.conftest import exported, painter, pair, server

__all__ = ["exported", "painter", "pair", "server"]
