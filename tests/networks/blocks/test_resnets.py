"""ResNet v2 by name: gradients at every layer of a network of 16, and their power of depth."""

import numpy as np
import pytest

import meanfield as mf


def test_sixteen_layers():
    """sigma_2² = 2, batches without bound: signal 1 + l, gradients from l = 0, 1, 2, 4, 8, 12 to 16."""
    run = mf.propagate("resnet_v2", 16, c=0.0)
    found = run.gradient[[0, 1, 2, 4, 8, 12]]
    want = [117.694969832, 47.7088476179, 25.4813802336, 10.6108027834, 3.53605860293, 1.71600462158]
    np.testing.assert_allclose(found, want, rtol=1e-10)
    np.testing.assert_allclose(run.q, 1 + np.arange(17), rtol=1e-13)
    one = mf.propagate(mf.blocks.resnet_v2(sigma_2=1.0), 16, c=0.0).gradient[0]
    assert one == pytest.approx(41.1505105897, rel=1e-10)


def test_any_activation_and_finite_batches():
    block = mf.blocks.resnet_v2("tanh", batch_size=8, pixels=16)
    dense = mf.network("residual(batchnorm(128), tanh, dense(sqrt(2)), batchnorm(128), tanh, dense(sqrt(2)))")
    np.testing.assert_allclose(*(mf.propagate(b, 4, c=0.3).gradient for b in (block, dense)), rtol=1e-12)
    with pytest.raises(mf.InvalidInput, match="normalises over pixels too"):
        mf.propagate(mf.blocks.resnet_v2(batch_size=8), 2, c=0.0)
