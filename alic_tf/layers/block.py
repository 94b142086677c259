"""What the paper's blocks have in common."""

import keras


class Block(keras.layers.Layer):
    """A layer of some width with a normalization that can be switched.

    Args:
        filters: number of output channels.
        normalization: "gdn" (the paper) or "ln_prelu" (its light successor), or others of
            `make_normalization`.
    """

    def __init__(self, filters, normalization="gdn", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.normalization = normalization

    def get_config(self):
        return {**super().get_config(), "filters": self.filters,
                "normalization": self.normalization}
