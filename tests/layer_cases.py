"""Blocks of every kind of layer, with the size of the networks that show an error of 3 %, and such errors."""

from dataclasses import dataclass, field
from typing import Any

from planted_faults import FACTOR, GRADIENT, Fault, larger_weights, louder, noisier, parameters

from meanfield.networks.layers.attention import Attention
from meanfield.networks.layers.base import Layer
from meanfield.networks.layers.batchnorm import BatchNorm
from meanfield.networks.layers.concatenation import Concatenate
from meanfield.networks.layers.convolution import Conv
from meanfield.networks.layers.dense import Dense
from meanfield.networks.layers.dropout import Dropout
from meanfield.networks.layers.gated import Gated
from meanfield.networks.layers.groupnorm import GroupNorm
from meanfield.networks.layers.network import Network
from meanfield.networks.layers.noise import AdditiveNoise, MultiplicativeNoise
from meanfield.networks.layers.normalisation import LayerNorm, RMSNorm
from meanfield.networks.layers.parallel import Parallel
from meanfield.networks.layers.pooling import AveragePool, Flatten, GlobalAveragePool
from meanfield.networks.layers.residual import Residual
from meanfield.networks.layers.scale import Scale


@dataclass(frozen=True)
class Case:
    """A block, or all blocks in a list; what the networks that are compared with the theory are like; errors of 3 %.

    `size` are arguments of `crosscheck`, at which each of the `faults` is found; `narrow` are those that are different
    in a second comparison, of narrow networks with matrices drawn.
    """

    block: Any
    faults: dict[str, Fault]
    depth: int = 8
    width: int = 512
    networks: int = 64
    c: float | None = 0.3
    pixels: Any = None
    method: str = "exact_law"
    rng: int = 0
    narrow: dict[str, Any] = field(default_factory=lambda: {"depth": 5, "width": 96, "networks": 12, "c": -0.4})

    @property
    def size(self) -> dict[str, Any]:
        """The arguments of `crosscheck` and `simulate`."""
        depth = len(self.block) if isinstance(self.block, list) else self.depth
        rest = {name: getattr(self, name) for name in ("width", "networks", "c", "pixels", "method", "rng")}
        return {"depth": depth} | rest

    @property
    def blocks(self) -> list[Layer]:
        """The block, or all of them."""
        return self.block if isinstance(self.block, list) else [self.block]

    def with_fault(self, name: str) -> Any:
        """What the theory reads in place of the block."""
        wrong = [self.faults[name](block) for block in self.blocks]
        return wrong if isinstance(self.block, list) else wrong[0]


def family(blocks: dict[str, Any], own: dict[str, dict[str, Any]] | None = None, **shared: Any) -> dict[str, Case]:
    """The cases of a family of layers; `own` says what is different of some of its blocks."""
    return {name: Case(**{"block": block} | shared | (own or {}).get(name, {})) for name, block in blocks.items()}


def fewer(networks: int, *names: str) -> dict[str, dict[str, Any]]:
    """Cases of which so many networks show every fault, with a z at least a quarter above the threshold."""
    return {name: {"networks": networks} for name in names}


WEIGHTS = larger_weights(Dense, Conv)
BLOCK = {"signal": louder(Network, Residual), "gradient": louder(Network, Residual, what=GRADIENT)}

ATTENTION = family(
    {
        "uniform": Attention(1.2, 0.2),
        "gaussian": Attention(0.9, 0.3, "gaussian"),
        "uniform, residual": Residual(Attention(1.1), branch_scale=0.7),
        "gaussian, residual": Residual(Attention(1.0, 0.0, "gaussian"), skip_scale=0.8),
        "gaussian, normalised": Network(RMSNorm(), Attention(1.0, 0.2, "gaussian", 1.2)),
        "transformer": Network(
            Residual(LayerNorm(), Attention(1.2)),
            Residual(LayerNorm(), Dense(1.0), "relu", Dense(1.4), branch_scale=0.5),
        ),
        "gated transformer": Network(
            Residual(RMSNorm(), Attention(1.0, scores="gaussian"), skip_scale=0.8),
            Residual(RMSNorm(), Gated("silu"), Dense(), skip_scale=0.9),
        ),
    },
    faults={"signal": louder(Attention)},
    depth=3,
    networks=128,
    pixels=2,
    narrow={"depth": 3, "width": 96, "networks": 12, "c": -0.4, "pixels": 3},
    own=fewer(32, "uniform")
    | {  # without a norm q is cubed, with its fluctuations; scores add chance overlaps
        "gaussian": {"depth": 2, "width": 2048, "networks": 16, "pixels": 3},
        "gaussian, residual": {"depth": 2, "width": 2048, "networks": 96, "pixels": 3},
        "gaussian, normalised": {"depth": 4, "width": 4096, "networks": 16},
        "gated transformer": {"depth": 4, "width": 4096, "networks": 32},
    },
)
BATCHNORM = family(
    {
        "relu": Network(BatchNorm(8), "relu", Dense(1.3, 0.4)),
        "tanh": Network(BatchNorm(16), "tanh", Dense(1.3)),
        "linear": Network(BatchNorm(8), Dense(1.3, 0.4)),
        "two activations": Network(BatchNorm(8), "relu", Dense(1.3, 0.4), "tanh", Dense(1.1, 0.1)),
        "dropout": Network(BatchNorm(8), "relu", Dropout(0.3), Dense(1.2, 0.3), "gelu", Dropout(0.2), Dense()),
        "noise": Network(Residual(BatchNorm(8), "tanh", AdditiveNoise(0.5), Dense(1.2), skip_scale=0.8)),
        "behind weights": Network(Dense(2.0), BatchNorm(8), "gelu", Dense(1.3)),
        "LayerNorm": Network(BatchNorm(8), "relu", LayerNorm(), Dense(1.3, 0.2), "tanh", Dense()),
        "RMSNorm": Residual(BatchNorm(8), "gelu", RMSNorm(), Dense(1.2, 0.3), skip_scale=0.8),
        "residual": Residual(BatchNorm(8), "relu", Dense(1.0, 0.4)),
        "two in a branch": Residual(
            BatchNorm(8), "gelu", Dense(), BatchNorm(8), "gelu", Dense(1.2, 0.3), skip_scale=0.8, branch_scale=0.6
        ),
        "mixed": Network(
            BatchNorm(8),
            "relu",
            Dense(1.2, 0.2),
            Residual("tanh", Dense(0.9, 0.1)),
            Residual(BatchNorm(8), "relu", Dense(0.8), "gelu", Dense(1.1)),
        ),
    },
    faults=BLOCK,
    narrow={"depth": 4, "width": 96, "networks": 16, "c": None},
    own=fewer(16, "tanh", "linear", "noise", "residual")
    | fewer(32, "relu", "two activations", "RMSNorm", "two in a branch")
    | {"dropout": {"width": 1024, "networks": 32}},  # masks make q of one input vary
)
CONCATENATION = family(
    {
        "pre-activation": Network(Concatenate("relu", Dense(1.4, 0.2), growth=0.5), Dense(1.2, 0.1)),
        "post-activation": Network(Concatenate(Dense(1.4, 0.2), "relu", growth=2.0), Dense(1.0, 0.1)),
        "normalised": Network(Concatenate(Dense(1.4, 0.2), "relu"), LayerNorm(), Dense(1.2, 0.1)),
        "dropped": Network(
            "sigmoid", Concatenate(Dense(1.4, 0.2), "relu", Dropout(0.1), growth=0.25), LayerNorm(), Dense(1.2, 0.1)
        ),
        "without weights": Network(Concatenate("relu"), Dense(1.2, 0.1)),
        "nested": Network(
            Concatenate(Dense(0.9, 0.2), "tanh", Concatenate(Dense(), "gelu", growth=0.5), RMSNorm(), Dense(0.9)),
            Dense(1.2, 0.1),
        ),
    },
    faults={"signal": louder(Concatenate)},
    networks=32,
    own={name: {"faults": {}, "networks": 16} for name in ("normalised", "dropped")},  # the norm behind undoes it
)
IMAGES = {"depth": 3, "width": 128, "networks": 8, "method": "materialized", "faults": {}}
CONVOLUTION = family(
    {
        "tanh": Network("tanh", Conv(1.5, 0.3)),
        "relu, 2-d": Network("relu", Conv(2**0.5, 0.0, (3, 3))),
        "given weights": Network("gelu", Conv(1.4, 0.3, 5, [0.1, 0.0, 0.6, 0.2, 0.1])),
        "delta": Network("tanh", Conv(1.3, 0.1, 5, "delta")),
        "residual": Residual("tanh", Conv(1.2, 0.1, 2), branch_scale=0.7),
        "bottleneck": Network("relu", Dense(1.4), "tanh", Dropout(0.1), Conv(1.2, 0.1, (2, 3))),
        "normalised": Network(LayerNorm(), "tanh", Conv(1.4, 0.2)),
    },
    faults={"signal": louder(Conv)},
    depth=6,
    networks=16,
    rng=1,
    narrow={"depth": 3, "width": 48, "networks": 12, "c": -0.4},
    own=fewer(8, "given weights") | dict.fromkeys(("relu, 2-d", "bottleneck"), IMAGES),
)
DROPPED = {
    "tanh": Network("tanh", Dropout(0.1), Dense(1.4, 0.2)),
    "relu": Network("relu", Dropout(0.5), Dense(1.0)),
    "residual": Residual(Dense(0.9), "relu", Dropout(0.3), Dense(1.0, 0.1), skip_scale=0.8),
}
RATE = {"rate": parameters(Dropout, lambda layer: {"rate": 1 - (1 - layer.rate) / FACTOR})}
DROPOUT = family(DROPPED, faults=RATE, depth=12, own=fewer(16, "tanh") | {"relu": {"depth": 8}}) | family(
    {f"{name}, equal inputs": block for name, block in DROPPED.items()}, faults={}, depth=6, networks=16, c=1.0
)
GATED = family(
    {
        "SwiGLU": Network(Gated("silu", 1.2), Dense(1.0)),
        "pre-norm SwiGLU": Residual(RMSNorm(), Gated("silu", 1.3), Dense(0.9), branch_scale=0.4),
        "leaky skip": Residual(RMSNorm(), Gated("gelu", 1.3, 0.2), Dense(1.2), skip_scale=0.7),
        "normalised GEGLU": Network(RMSNorm(), Gated("gelu", 1.3)),
        "GLU": Gated("sigmoid", 1.5, 0.3),
        "bilinear": Network(LayerNorm(), Gated("linear", 1.2, 0.3)),
        "at the end of a branch": Residual(LayerNorm(), Gated("relu", 1.1, 0.2), skip_scale=0.7),
        "with dropout": Network(RMSNorm(), Gated("tanh", 1.4, 0.2), Dropout(0.1), Dense(0.8)),
        "two laws": Residual(
            RMSNorm(), Gated("gelu", 1.3, gate_sigma_w=0.8, gate_sigma_b=0.3), Dense(2.0), skip_scale=0.5
        ),
    },
    faults={"signal": louder(Gated), "weights": WEIGHTS},
    depth=4,
    networks=256,
    narrow={"depth": 2, "width": 256, "networks": 12, "c": -0.4},
    # where E y⁴/(E y²)² of units is 22, not 3, more is allowed for finite width
    own=fewer(64, "GLU", "bilinear")
    | fewer(128, "with dropout")
    | {name: {"faults": {"weights": WEIGHTS}, "depth": 2, "networks": 32} for name in ("SwiGLU", "normalised GEGLU")},
)
NOISE = family(
    {
        "behind relu": Network("relu", MultiplicativeNoise(0.5), Dense(1.6**0.5)),
        "behind tanh": Network("tanh", MultiplicativeNoise(0.4), Dense(1.4, 0.2)),
        "added behind gelu": Network("gelu", AdditiveNoise(0.4), Dense(1.3, 0.2)),
        "added before tanh": Network(AdditiveNoise(0.5), "tanh", Dense(1.4, 0.2)),
        "added to the state": Network("relu", Dense(1.2), AdditiveNoise(0.3)),
        "both": Network(AdditiveNoise(0.3), "gelu", MultiplicativeNoise(0.3), AdditiveNoise(0.2), Dense(1.4)),
        "in a branch": Residual("relu", MultiplicativeNoise(0.5), Dense(0.9, 0.1), skip_scale=0.8),
        "added in a branch": Residual(AdditiveNoise(0.5), "tanh", Dense(1.2), skip_scale=0.8),
        "at the end of a branch": Residual(
            Dense(1.3), "tanh", AdditiveNoise(0.3), MultiplicativeNoise(0.3), skip_scale=0.7
        ),
        "on the skip as well": Network(AdditiveNoise(0.4), Residual("gelu", Dense(1.2, 0.1), skip_scale=0.8)),
        "before LayerNorm": Network("relu", MultiplicativeNoise(0.5), LayerNorm(), Dense(1.2, 0.2)),
        "added before LayerNorm": Network("gelu", AdditiveNoise(0.3), LayerNorm(), Dense(1.2, 0.2)),
        "behind LayerNorm": Network(LayerNorm(), AdditiveNoise(0.4), "relu", Dense(1.2, 0.2)),
        "before RMSNorm": Network("relu", AdditiveNoise(0.3), RMSNorm(), MultiplicativeNoise(0.2), Dense(1.2, 0.2)),
    },
    faults={"weights": WEIGHTS},
    c=1.0,
    networks=16,
    own=fewer(32, "behind relu", "in a branch", "added in a branch", "on the skip as well")
    | {"at the end of a branch": {"networks": 128}},
)
# The second moment is 1.3 behind noise that multiplies, and settles at 1 behind noise that adds.
MULTIPLIED, ADDED = (
    {f"{what} noise": noisier(kind, rest, factor) for what, factor in (("more", FACTOR), ("less", 1 / FACTOR))}
    for kind, rest in ((MultiplicativeNoise, 1.0), (AdditiveNoise, 0.7))
)
NOISE |= family(
    {
        "multiplied behind relu": Network("relu", MultiplicativeNoise(0.3**0.5), Dense(1.2)),
        "multiplied behind tanh": Network("tanh", MultiplicativeNoise(0.3**0.5), Dense(1.4)),
        "alone behind relu": Network("relu", AdditiveNoise(0.3**0.5), Dense(1.4**0.5)),
        "alone before relu": Network(AdditiveNoise(0.3**0.5), "relu", Dense(1.4**0.5)),
    },
    faults=ADDED,
    depth=12,
    networks=48,
    c=0.5,
    own=fewer(24, "alone behind relu")
    | {
        "multiplied behind relu": {"faults": MULTIPLIED},
        "multiplied behind tanh": {"faults": MULTIPLIED, "networks": 24},
    },
)
NORMALISATION = family(
    {
        "pre-activation": Network(LayerNorm(), "erf", Dense(1.0, 0.3)),
        "post-activation": Network("relu", LayerNorm(), Dense(1.2, 0.2)),
        "sigmoid": Network("sigmoid", LayerNorm(), Dense(1.2, 0.2)),
        "last": Network("gelu", Dense(1.4, 0.3), LayerNorm()),
        "root mean square": Network("relu", RMSNorm(), Dense(1.2, 0.2)),
        "pre-norm": Residual(LayerNorm(), Dense(1.4), "relu", Dense(1.0, 0.3), branch_scale=0.5),
        "post-norm": Network(Residual(Dense(1.4), "gelu", Dense(1.0)), LayerNorm()),
        "skip weight": Residual(LayerNorm(), "erf", Dense(1.1, 0.1), skip_scale=0.7),
        "branch ends in it": Residual(Dense(1.3, 0.2), "relu", LayerNorm(), skip_scale=0.8, branch_scale=0.6),
        "after a skip": Network("relu", Residual(Dense(), "tanh", skip_scale=-0.8), LayerNorm(), Dense(1.1)),
        "after dropout": Network("relu", Dropout(0.2), LayerNorm(), Dense(1.2, 0.2)),
        "groups": Network("tanh", GroupNorm(4), Dense(1.2, 0.2)),
        "groups of 8": Residual(GroupNorm(size=8), "relu", Dense(2.0), skip_scale=0.5),
    },
    faults=BLOCK,
    depth=12,
    own=fewer(16, "sigmoid", "pre-norm", "post-norm", "skip weight", "branch ends in it")
    | fewer(32, "post-activation")
    | {name: {"networks": 128} for name in ("root mean square", "after dropout")}
    | {"groups of 8": {"c": None, "networks": 128, "narrow": {"depth": 5, "width": 96, "networks": 12}}},
)


def conv(sigma_w: float = 1.4, sigma_b: float = 0.2, size: Any = 3, **more: Any) -> Conv:
    """A convolution with a border of zeros, unless told otherwise."""
    return Conv(sigma_w, sigma_b, size, **({"padding": "zeros"} | more))


LENET = [
    Network(conv(size=(3, 3))),
    Network("relu", AveragePool((2, 2)), conv(size=(3, 3))),
    Network("relu", AveragePool((2, 2)), Flatten(), Dense(1.4, 0.1)),
    Network("relu", Dense(1.4, 0.1)),
]
FILTERS = {"filters": larger_weights(Conv)}
PIXELS = family(  # whose pixels differ
    {
        "relu": Network("relu", conv()),
        "tanh": Network("tanh", conv(1.6)),
        "gelu, even kernel": Network("gelu", conv(size=4)),
        "given shares": Network("tanh", conv(weights=[0.6, 0.1, 0.3])),
        "strided": Network("tanh", conv(stride=2)),
        "circular, strided": Network("relu", conv(padding="circular", stride=2)),
        "residual": Residual(LayerNorm(), "relu", conv(1.2), branch_scale=0.8),
        "dropout": Network("tanh", Dropout(0.2), conv()),
        "noise": Network("relu", MultiplicativeNoise(0.3), conv()),
        "LeNet": LENET,
        "global": [
            Network("relu", conv()),
            Network("gelu", GlobalAveragePool(), Dense(1.3, 0.1)),
            Network("tanh", Dense(1.3)),
        ],
        "pooled, then normalised": [Network("gelu", AveragePool(4), LayerNorm(), conv(1.2)), Network("relu", conv())],
        "flattened, then dropped": [
            Network("tanh", conv(), Flatten(), Dropout(0.3), Dense(1.3)),
            Network("relu", Dense(1.4)),
        ],
    },
    faults={},
    depth=4,
    networks=16,
    rng=1,
    narrow={"width": 64, "networks": 12},
    own={name: {"faults": FILTERS, "networks": 8} for name in ("relu", "strided", "LeNet")}
    | {"residual": {"faults": FILTERS}},
)
PARALLEL = family(
    {
        "two branches": Residual(RMSNorm(), Parallel(Dense(0.9, 0.1), [Dense(), "gelu", Dense(1.2)]), skip_scale=0.8),
        "attention beside": Residual(
            LayerNorm(), Parallel(Attention(1.1), [Dense(), "relu", Dense(1.2)]), skip_scale=0.8
        ),
        "skip as a branch": Network(
            Parallel(Scale(-0.6), Scale(0.4), ["tanh", Dense(1.2, 0.2)], Residual("erf", Dense()))
        ),
        "with a mean": Network(Parallel([Dense(1.2), "relu"], [Dense(0.8, 0.1)]), LayerNorm(), Dense(1.1, 0.1)),
        "scaled": Residual(Dense(1.2), "relu", Scale(0.5), Dense(1.0, 0.1), Scale(-1.2), skip_scale=0.7),
    },
    faults={"signal": louder(Parallel)},
    networks=32,
    own={
        "attention beside": {"depth": 3, "pixels": 2, "narrow": {"depth": 3, "width": 96, "networks": 12, "pixels": 3}},
        "with a mean": {"faults": {}},  # the norm behind undoes it
        "scaled": {"faults": {"factors": parameters(Scale, lambda layer: {"value": FACTOR * layer.value})}},
    },
)
RESIDUAL = family(
    {
        "full": Residual(Dense(1.0, 0.1), "tanh", Dense(1.0, 0.1)),
        "reduced": Residual(Dense(1.2), "tanh"),
        "small branch": Residual("relu", Dense(2**0.5), branch_scale=0.3),
        "leaky skip": Residual("tanh", Dense(1.5, 0.2), skip_scale=0.7),
        "negative": Residual("gelu", Dense(1.2, 0.3), skip_scale=-0.6, branch_scale=-0.8),
        "nested": Residual("gelu", Dense(1.3), Residual("tanh", Dense(1.0)), branch_scale=0.5),
        "two": Network(Residual("relu", Dense(1.0)), Residual("tanh", Dense(1.0), branch_scale=2.0)),
    },
    faults={"signal": louder(Residual)},
    networks=16,
    own=fewer(32, "negative"),
)
FAMILIES = {"attention": ATTENTION, "batchnorm": BATCHNORM, "concatenation": CONCATENATION, "convolution": CONVOLUTION}
FAMILIES |= {"dropout": DROPOUT, "gated": GATED, "noise": NOISE, "normalisation": NORMALISATION, "pixels": PIXELS}
FAMILIES |= {"parallel": PARALLEL, "residual": RESIDUAL}
CASES = {f"{kind}, {name}": case for kind, cases in FAMILIES.items() for name, case in cases.items()}
