"""Every named scheme: what the theory says of it and what networks drawn by it do.

    python tests/measure_schemes.py

Prints a table in Markdown: q of the last layer and squared gradient of layer 0, depth 12, 256 wide, 32 networks; "z" is
the largest of all signals and matrices, and what is allowed. About a minute.
"""

import meanfield as mf

WIDTH, DEPTH, NETWORKS = 256, 12, 32

#: A call of each scheme, with an activation that it is used for.
ROWS = [
    ("normal:std=0.1", "relu"),
    ("uniform:bound=0.15", "relu"),
    ("truncated_normal:std=0.09,convention=corrected", "relu"),
    ("truncated_normal:std=0.1,convention=uncorrected", "relu"),
    ("truncated_normal:std=0.09,convention=absolute", "relu"),
    ("truncated_normal:std=0.09,convention=clamped", "relu"),
    ("xavier_normal", "tanh"),
    ("xavier_uniform", "tanh"),
    ("he_normal", "relu"),
    ("he_uniform", "relu"),
    ("he_normal:activation=gelu", "gelu"),
    ("lecun_normal", "selu"),
    ("lecun_uniform", "tanh"),
    ("torch_linear", "relu"),
    ("orthogonal", "tanh"),
    ("sparse:std=0.3", "tanh"),
    ("torch_sparse:sparsity=0.5,std=0.1", "tanh"),
    ("gpt2", "gelu"),
    ("deepnet:layers=6", "relu"),
    ("deepnet_encoder:encoder_layers=6,decoder_layers=6", "relu"),
    ("deepnet_decoder:decoder_layers=6", "relu"),
    ("fixup:layers=12", "relu"),
    ("lsuv:activation=gelu", "gelu"),
    ("lsuv:activation=tanh", "tanh"),
    ("critical:activation=tanh", "tanh"),
    ("critical:activation=gelu", "gelu"),
]


def described(scheme, activation):
    return mf.mlp(activation, scheme.sigma_w_at(WIDTH, WIDTH), scheme.sigma_b_at(WIDTH, WIDTH))


def cases():
    """Label, activation, block, law of the weights."""
    for call, activation in ROWS:
        scheme = mf.initializer(call)
        yield call, activation, described(scheme, activation), scheme
    taps = mf.initializer("delta_orthogonal", activation="relu")
    yield (
        "delta_orthogonal:activation=relu, summed over taps", "relu", described(taps, "relu"),
        lambda rng, m, n: taps(rng, m, n).sum(axis=(2, 3)),
    )  # fmt: skip
    fixup = mf.initializer("fixup", layers=DEPTH)
    layer = mf.Dense(fixup.sigma_w_at(WIDTH, WIDTH))
    yield "fixup:layers=12, in residual branches", "relu", mf.Residual("relu", layer, "relu", layer), fixup
    gpt2 = mf.initializer("gpt2", layers=DEPTH)
    branch = mf.Dense(gpt2.sigma_w_at(WIDTH, WIDTH))
    yield f"gpt2:layers={DEPTH}, in residual branches", "gelu", mf.Residual("gelu", branch), gpt2


def main():
    print("| scheme | φ | $\\sigma_w$ | q: theory | simulation | gradient: theory | simulation | z (allowed) |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for label, activation, block, weights in cases():
        check = mf.crosscheck(block, DEPTH, WIDTH, networks=NETWORKS, c=0.3, rng=0, weights=weights)
        rows = {row.quantity: row for row in check.rows if row.layer == DEPTH}
        first = next(row for row in check.rows if row.quantity == "gradient" and row.layer == 0)
        sigma_w = next(layer.sigma_w for layer in mf.Network(block).walk() if isinstance(layer, mf.Dense))
        cells = [f"`{label}`", activation, f"{sigma_w:.4g}"]
        for row in (rows["q"], first):
            cells += [f"{row.theory:.4g}", f"{row.simulation:.4g} ± {row.standard_error:.1g}"]
        cells.append(f"{check.largest_z:.1f} ({check.threshold:.1f})" + ("" if check else " **failed**"))
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
