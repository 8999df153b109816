"""torch.nn.init.calculate_gain, and the divisors of Karras et al. 2024 (arXiv:2312.02696): exact, and as in use."""

import pytest

import meanfield as mf

LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


@pytest.mark.parametrize("name", LINEAR)
def test_linear_layers(name):
    assert mf.calculate_gain(name) == 1


def test_where_torch_is_exact():
    assert mf.calculate_gain("relu") == pytest.approx(2**0.5, rel=1e-15)
    assert mf.calculate_gain("leaky_relu") == pytest.approx((2 / (1 + 0.01**2)) ** 0.5, rel=1e-15)
    assert mf.calculate_gain("leaky_relu", 0.3) == pytest.approx((2 / 1.09) ** 0.5, rel=1e-15)
    assert mf.calculate_gain("leaky_relu", 5**0.5) == pytest.approx((1 / 3) ** 0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "exact", "torch"),
    [("sigmoid", 1.8462285453386054, 1.0), ("tanh", 1.5925374197228314, 5 / 3), ("selu", 1.0, 0.75)],
)
def test_where_torch_is_heuristic(name, exact, torch):
    gain = mf.calculate_gain(name)
    assert gain == pytest.approx(exact, rel=1e-14)
    assert abs(gain - torch) > 0.05


@pytest.mark.parametrize(
    ("name", "root", "printed"), [("silu", 0.59646921112271349, 0.596), ("gelu", 0.65209008777184972, 0.652)]
)
def test_magnitude_preserving_divisors(name, root, printed):
    assert 1 / mf.calculate_gain(name) == pytest.approx(root, rel=1e-14)
    assert round(1 / mf.calculate_gain(name), 3) == printed
