"""Measure given weights: scale, mean, tail, spectrum, dependence, and the most likely initialisation scheme."""

from typing import Any

from meanfield.arguments import false_alarm_rate
from meanfield.error_state import own_error_state
from meanfield.weights.axis_order import Layout
from meanfield.weights.copies import copies
from meanfield.weights.entry_statistics import entries
from meanfield.weights.loading import Tensor, read
from meanfield.weights.measurement import Measurement, Measurements
from meanfield.weights.scheme_recognition import recognise
from meanfield.weights.singular_values import spectrum

__all__ = ["measure"]

TESTS = 6  # tests of a measurement: mean, pairs, correlation, outliers, spectrum, tail


@own_error_state
def measure(weights: Any, *, layout: Layout | None = None, alpha: float = 0.01) -> Measurement | Measurements:
    """Measure weights: effective sigma_w, mean, tail, singular values, correlations and the most likely scheme.

    Parameters
    ----------
    weights : array_like, list, mapping, str or Path
        One weight (fan_out, fan_in), or a convolution's ``(C_out, C_in, *kernel)``; or several: a list of arrays, a
        mapping of names to arrays, nested or not, as torch's `state_dict()` and safetensors' `load_file` give, or a
        model of torch or Keras; its parameters with or without names; or the path of an .npy or .npz file without
        pickled objects. Arrays may be torch tensors of any device, dtype and graph. Among several arrays,
        one-dimensional ones count as biases if their name or position in the list identifies the weight; other
        one-dimensional arrays, integers, scalars and the state of optimizers are skipped and listed in `.skipped`.
    layout : {"torch", "keras"}, optional
        Order of the axes: (fan_out, fan_in) and ``(C_out, C_in, *kernel)``, or (fan_in, fan_out) and
        ``(*kernel, C_in, C_out)`` as in Keras and JAX. By default names decide ("kernel" in Keras and Flax), or the
        length of the bias; otherwise it is "torch".
    alpha : float
        False-alarm rate of `.findings` for independent entries of mean 0 without a heavy tail, 0 < alpha ≤ 0.1; divided
        among the six tests, and among the weights if there are several.

    Returns
    -------
    Measurement or Measurements
        For one weight, or for several weights in order. Each has `.sigma_w`, `.mean`, `.tail`, `.singular_values`,
        `.correlation`, `.scheme`, `.findings`, `.summary` and `.to_dict()`; printing shows a table.

    Raises
    ------
    InvalidInput
        If there is no weight, a weight is not real and finite, matrices without names are consecutive layers only as
        (fan_in, fan_out), or the file cannot be read.

    Notes
    -----
    A convolution is measured as the matrix (C_out, C_in·∏kernel), whose singular values differ from those of the
    convolution operator. If rows and columns both exceed 2048, the spectrum is of 2048 of the fewer ones.
    docs/theory/measuring.md describes the estimators and the measured error rates of the tests.

    References
    ----------
    Marchenko & Pastur 1967 (Math. USSR Sbornik 1, 457) for the spectrum of independent entries.

    Examples
    --------
    >>> import numpy as np
    >>> import meanfield as mf
    >>> W = np.random.default_rng(0).normal(0, (2 / 256) ** 0.5, (512, 256))
    >>> found = mf.measure(W)
    >>> round(float(found.sigma_w), 1), found.scheme.names, found.findings
    (1.4, ('he_normal',), ())
    >>> W[7] = W[3]
    >>> mf.measure(W).findings
    ('rows 3 and 7 are alike (cosine 1)',)
    >>> V = np.random.default_rng(1).normal(0, 0.1, (20, 20))
    >>> mf.measure({"0.weight": V, "1.weight": 2 * V.T})["1.weight"].findings
    ('it is 2 times the transpose of 0.weight',)
    """
    alpha = false_alarm_rate(alpha, most=0.1)
    collection = read(weights, layout)
    each = alpha / (TESTS * len(collection.tensors))
    copied = copies(collection.tensors)
    measured = tuple(_measure(tensor, each, copied.get(tensor.name)) for tensor in collection.tensors)
    return measured[0] if collection.single else Measurements(measured, collection.skipped)


def _measure(tensor: Tensor, alpha: float, copied: str | None) -> Measurement:
    found = entries(tensor.matrix)
    values = spectrum(tensor.matrix, found, alpha)
    return Measurement(
        name=tensor.name,
        shape=tensor.shape,
        fan_in=tensor.matrix.shape[1],
        fan_out=tensor.fan_out,
        sigma_w=found.sigma_w,
        sigma_b=None if tensor.bias is None else entries(tensor.bias[:, None]).sigma_w,
        mean=found.mean,
        tail=found.tail,
        spectrum=values,
        scheme=recognise(tensor, found, values),
        zeros=found.zeros,
        dominance=found.dominance,
        alpha=alpha,
        copied=copied,
    )
