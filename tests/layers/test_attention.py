from alic_tf.layers.attention import NonLocalAttention
from tests.golden import Weights, load, relative_error


def test_attention_equals_original():
    golden = load("fu2022_gmm_n16")
    block = NonLocalAttention(16)
    x = golden["act/y_hat"]
    block.build(x.shape)
    Weights(golden).attention(block, "synthesis/NLAB_0")
    assert relative_error(block(x), golden["act/synthesis/NLAB_0"]) < 1e-5
    assert relative_error(x, golden["act/synthesis/NLAB_0"]) > 1e-2
