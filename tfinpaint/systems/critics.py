"""Several critics as one part of a system, for systems that judge pictures in more than one way."""

import tensorflow as tf


class Critics(tf.keras.Model):
    """Several critics that one optimizer trains.

    Each is an attribute with its name: Critics(image=a, features=b).image is a. `names` lists the
    names in alphabetical order.
    """

    def __init__(self, **critics):
        super().__init__()
        self.names = sorted(critics)
        for name, critic in critics.items():
            setattr(self, name, critic)
        self.built = True  # the critics are

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in self.names}
