"""Image quality on uint8 photographs (`quality`) and the simple fills that every system is compared with (`references`)."""
