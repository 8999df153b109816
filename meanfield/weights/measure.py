"""Measure given weights: their scale, mean, tail, spectrum and dependence, and the scheme they look drawn by."""

from typing import Any

from meanfield.errors import InvalidInput
from meanfield.weights.entry_statistics import entries
from meanfield.weights.loading import Layout, Tensor, read
from meanfield.weights.measurement import Measurement, Measurements
from meanfield.weights.scheme_recognition import recognise
from meanfield.weights.singular_values import spectrum

__all__ = ["measure"]

TESTS = 6  # behind a measurement's findings: mean, pairs, correlation, outliers, spectrum, tail


def measure(weights: Any, *, layout: Layout = "torch", alpha: float = 0.01) -> Any:
    """Measure weights: effective sigma_w, mean, tail, singular values, correlations, and the nearest named scheme.

    Parameters
    ----------
    weights : array_like, list, mapping, str or Path
        One weight (fan_out, fan_in), or a convolution's ``(C_out, C_in, *kernel)``; or several: a list of arrays, a
        mapping of names to arrays, nested or not, as torch's `state_dict()` and safetensors' `load_file` give, or
        anything with a `state_dict`; or the path of an .npy or .npz file without pickled objects. Arrays may be torch
        tensors, whatever their device, dtype and graph. Of several, arrays of one dimension are taken for biases where
        the name or the place in the list says whose; other ones, integers and scalars are skipped, and `.skipped` says
        so.
    layout : {"torch", "keras"}
        Which axes are which: (fan_out, fan_in) and ``(C_out, C_in, *kernel)``, or (fan_in, fan_out) and
        ``(*kernel, C_in, C_out)`` as in Keras and JAX.
    alpha : float
        How often something is found to speak against independent entries of mean 0 without a heavy tail where
        nothing does, 0 < alpha ≤ 0.1; shared among the six tests, and among the weights if there are several.

    Returns
    -------
    Measurement or Measurements
        For one weight, or for several in order. Each has `.sigma_w`, `.mean`, `.tail`, `.singular_values`,
        `.correlation`, `.scheme`, `.findings`, `.summary` and `.to_dict()`; printing shows a table.

    Raises
    ------
    InvalidInput
        If there is no weight, one is not real and finite, or the file cannot be read.

    Notes
    -----
    A convolution is measured as the matrix (C_out, C_in·∏kernel), whose singular values are not those of the
    convolution as an operator. Beyond 2048 rows and columns the spectrum is that of 2048 of the fewer ones. How each
    number is obtained, and how often each test is wrong, is in docs/theory/measuring.md.

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
    """
    if not (isinstance(alpha, int | float) and 0 < alpha <= 0.1):
        raise InvalidInput(f"alpha is a false-alarm rate and must be > 0 and at most 0.1, not {alpha!r:.60}")
    collection = read(weights, layout)
    each = alpha / (TESTS * len(collection.tensors))
    measured = tuple(_measure(tensor, each) for tensor in collection.tensors)
    return measured[0] if collection.single else Measurements(measured, collection.skipped)


def _measure(tensor: Tensor, alpha: float) -> Measurement:
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
    )
