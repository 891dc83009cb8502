"""Several critics as one part of a system, for those that judge pictures in more than one way."""

import tensorflow as tf


class Critics(tf.keras.Model):
    """Several critics that learn together, by name: Critics(image=..., features=...).image."""

    def __init__(self, **critics):
        super().__init__()
        self.names = sorted(critics)
        for name, critic in critics.items():
            setattr(self, name, critic)
        self.built = True  # the critics are

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in self.names}
