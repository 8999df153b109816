"""What the rows of a softmax attention read, measured while the model runs: keys, and correlations of their tokens.

A row i of weights reads the keys of a set R_i, all of them or those that a mask allows. Tokens x_j with mean squares
x_j² over units have there the mean square of a token and the mean square of their mean,

    own_i = Σ_{j ∈ R_i} x_j²/n_i,    read_i = (Σ_{j ∈ R_i} x_j/n_i)²,    n_i = \\|R_i\\|,

from which the mean covariance of two different tokens follows. Both are means over sequences and heads.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield._types import Floats
from meanfield.torch.framework import framework

ATTENTION = frozenset(("multi_head_attention_forward", "scaled_dot_product_attention"))
ENTRIES = 2**22  # of a tensor that correlations are measured over
HIDDEN = -1e4  # a score that a mask adds from which on a token is not read
PRODUCT = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
PACKED = (
    "query", "key", "value", "units", "heads", "weight", "bias", "bias_k", "bias_v", "zeros", "dropout_p",
    "out_weight", "out_bias", "training", "key_padding_mask", "need_weights", "attn_mask",
)  # fmt: skip


@dataclass
class Reads:
    """What the rows of one attention read.

    Attributes
    ----------
    counts : ndarray, shape (rows,)
        Keys that each row reads.
    queries : ndarray, shape (rows,)
        Second moment of each query.
    keys, values : ndarray, shape (2, rows)
        Mean squares `own` and `read` of the module's text.
    moments : tuple of float
        Mean squares of all queries, keys and values, by which theory scales the others.
    query_pairs : float
        Mean product of two different queries over units, over their mean square.
    variance : float
        d·scale² of scores, for heads of d units: 1 for scores that are divided by √d.
    rate : float
        Share of the weights that dropout sets to 0.
    mask : str
        "none", "causal" where row i reads the tokens j ≤ i, or "other".
    weights : tensor, shape (rows, tokens)
        Uniform weights of the rows, u_ij = 1/n_i for the keys that row i reads.
    gradients : (ndarray of shape (rows,), float) or None
        Shares of the rows in the sum of squared gradients Σ_i g_i² at what they return; and Σ_j (Σ_i u_ij g_i)² without
        its terms g_i², over that sum. None if no gradient arrived.
    """

    counts: Floats
    queries: Floats
    keys: Floats
    values: Floats
    moments: tuple[float, float, float]
    query_pairs: float
    variance: float
    rate: float
    mask: str
    weights: Any
    gradients: tuple[Floats, float] | None = None

    @property
    def token_c(self) -> float:
        """Mean correlation of two different values that a row reads."""
        own, read = self.values
        n = np.maximum(self.counts, 2)
        apart = n * (own - read) / (n - 1.0)
        return float(1.0 - apart[self.counts > 1].sum() / max(own[self.counts > 1].sum(), 1e-300))

    def watch(self, output: Any, packed: bool) -> None:
        """Measure the gradients that arrive at the output of the attention."""

        def hook(gradient: Any) -> None:
            torch = framework()
            with torch._C.DisableTorchFunction(), torch.no_grad():
                g = _several((gradient.movedim(0, -2) if packed else gradient).detach())
                own = g.square().sum((0, -1))
                total = own.sum()
                if bool(total > 0):
                    weights = self.weights.to(g.dtype)
                    back = (weights.T @ g).square().sum() - (own * weights.square().sum(-1)).sum()
                    self.gradients = _array(own / total), float(back / total)

        if output.requires_grad:
            output.register_hook(hook)


def reads_of(name: str, args: Sequence[Any], options: Mapping[str, Any], output: Any) -> Reads | str | None:
    """What an attention function reads, or why that is not known; None for another function.

    Gradients that arrive at its output are measured later.
    """
    if name not in ATTENTION:
        return None
    torch, packed = framework(), name == "multi_head_attention_forward"
    given = dict(zip(PACKED if packed else PRODUCT, args, strict=False)) | dict(options)
    query, key, value = (given[part].detach() for part in ("query", "key", "value"))
    if packed:
        if given.get("bias_k") is not None or given.get("zeros"):
            return "softmax attention with keys of its own beside the tokens has no map"
        padding = given.get("key_padding_mask")
        if padding is not None and bool((padding != 0).any()):
            return "softmax attention over sequences of different lengths has no map"
        query, key, value = (x.movedim(0, -2) for x in (query, key, value))
    rows, tokens = query.shape[-2], key.shape[-2]
    allowed = _allowed(given, packed, rows, tokens)
    if isinstance(allowed, str):
        return allowed
    counts = allowed.sum(-1)
    if not bool((counts > 0).all()):
        return "softmax attention with rows that read nothing has no map"
    scale = options.get("scale")
    variance = 1.0 if packed or scale is None else float(scale) ** 2 * query.shape[-1]
    rate = float(given.get("dropout_p") or 0.0) * (1.0 if not packed or given.get("training", True) else 0.0)
    weights = (allowed / counts[:, None]).to(query.device)
    with torch.no_grad():
        several = _several(query)
        queries = several.square().mean((0, -1))
        pairs = (float(several.mean(-2).square().mean() / queries.mean().clamp_min(1e-30)) * rows - 1.0) / max(
            rows - 1, 1
        )
        stacked = [_array(part) for part in (queries, _read(key, weights), _read(value, weights))]
        q, k, v = (float(x.double().square().mean()) for x in (query, key, value))
    whole, lower = torch.ones_like(allowed), torch.ones_like(allowed).tril()
    mask = next((name for name, of in (("none", whole), ("causal", lower)) if bool((allowed == of).all())), "other")
    reads = Reads(_array(counts), stacked[0], stacked[1], stacked[2], (q, k, v), pairs, variance, rate, mask, weights)
    reads.watch(output, packed)
    return reads


def _allowed(given: Mapping[str, Any], packed: bool, rows: int, tokens: int) -> Any:
    """Which keys each row reads, as zeros and ones of shape (rows, tokens); a sentence where heads or inputs differ."""
    torch = framework()
    mask = given.get("attn_mask")
    if mask is None:
        ones = torch.ones((rows, tokens), dtype=torch.float64)
        return ones.tril() if given.get("is_causal") and not packed else ones
    mask = mask.detach().cpu()
    if mask.dtype == torch.bool:
        allowed = ~mask if packed else mask
    elif bool(((mask == 0) | (mask <= HIDDEN)).all()):
        allowed = mask == 0
    else:
        return "softmax attention with a bias of its scores has no map"
    allowed = allowed.expand(*allowed.shape[:-2], rows, tokens).reshape(-1, rows, tokens)
    if bool((allowed != allowed[:1]).any()):
        return "softmax attention whose mask differs between inputs or heads has no map"
    return allowed[0].double()


def _several(x: Any) -> Any:
    """Sequences of some inputs and heads, of shape (sequences, tokens, units)."""
    flat = x.reshape(-1, *x.shape[-2:])
    flat = flat if flat.dtype == framework().float64 else flat.float()
    return flat[:: max(1, math.ceil(flat.numel() / ENTRIES))]


def _read(x: Any, weights: Any) -> Any:
    """`own` and `read` of each row."""
    x = _several(x)
    weights = weights.to(x.dtype)
    own = weights @ x.square().mean((0, -1))
    return framework().stack([own, (weights @ x).square().mean((0, -1))])


def _array(x: Any) -> Floats:
    return np.asarray(x.detach().cpu().double().numpy(), dtype=np.float64)
