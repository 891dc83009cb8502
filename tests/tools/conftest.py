"""The exported model and the server of tests/serving, for the tools that ask one."""

from serving.conftest import exported, painter, pair, server

__all__ = ["exported", "painter", "pair", "server"]
