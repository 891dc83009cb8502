"""Image quality on uint8 photographs (`quality`, `lpips`), how real whole sets of them look (`realism`), and the simple fills that every
system is compared with (`references`)."""
