"""Covariances between images, and between tokens, beside neural-tangents, in one run; needs the extra `bench`.

    python tests/benchmarks/neural_tangents_images.py

Two images of three channels, in float64. The difference is the largest in the last layer's covariances, relative to the
largest covariance. The time is the time of neural-tangents, compiled, relative to `propagate_pixels`, which carries
gradients and error bounds as well, after a first call of each. The activations are those with closed forms in
neural-tangents. Its attention has no 1/n in front of the sum over tokens.
"""

import os
import time
import warnings

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import meanfield as mf

S, B = 1.4, 0.2  # sigma_w, sigma_b of all weights

ZEROS, CIRCULAR = mf.Conv(S, B, (3, 3), padding="zeros"), mf.Conv(S, B, (3, 3))
HALVING = mf.Conv(S, B, (3, 3), padding="zeros", stride=2)
DENSE = mf.Dense(S, B)


def cases():
    """Pixels, blocks of ours and layers of theirs, by name."""
    from neural_tangents import stax

    def theirs(padding="SAME", strides=(1, 1)):
        return stax.Conv(1, (3, 3), strides, padding, W_std=S, b_std=B)

    def head():
        return stax.Dense(1, W_std=S, b_std=B)

    def residual():
        branch = stax.serial(stax.Relu(), theirs())
        return stax.serial(stax.FanOut(2), stax.parallel(stax.Identity(), branch), stax.FanInSum())

    return {
        "zero padding, pooling, flatten": (
            (6, 8),
            [ZEROS, ("relu", ZEROS), ("relu", mf.AveragePool((3, 2)), ZEROS), ("relu", mf.Flatten(), DENSE)],
            lambda: [
                theirs(), stax.Relu(), theirs(), stax.Relu(), stax.AvgPool((3, 2), (3, 2)), theirs(), stax.Relu(),
                stax.Flatten(), head(),
            ],
        ),
        "circular, global pooling": (
            (6, 8),
            [CIRCULAR, ("erf", CIRCULAR), ("relu", mf.GlobalAveragePool(), DENSE)],
            lambda: [
                theirs("CIRCULAR"), stax.Erf(), theirs("CIRCULAR"), stax.Relu(), stax.GlobalAvgPool(), head(),
            ],
        ),
        "stride 2, flatten": (
            (5, 7),
            [HALVING, ("relu", mf.Flatten(), DENSE)],
            lambda: [theirs(strides=(2, 2)), stax.Relu(), stax.Flatten(), head()],
        ),
        "residual, flatten": (
            (5, 7),
            [ZEROS, mf.Residual("relu", ZEROS), ("relu", mf.Flatten(), DENSE)],
            lambda: [theirs(), residual(), stax.Relu(), stax.Flatten(), head()],
        ),
        "linear attention": (
            (6,),
            [mf.Attention(S, 0.0, scores="gaussian", sigma_qk=1.3)],
            lambda: [
                stax.GlobalSelfAttention(
                    1, 1, 1, 1, W_key_std=1.0, W_value_std=1.0, W_query_std=1.3, W_out_std=S / 6,
                    b_std=None, linear_scaling=False, attention_mechanism="IDENTITY",
                )
            ],
        ),
    }  # fmt: skip


def seconds(call):
    call()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    warnings.filterwarnings("ignore", message="`FanIn` layers assume independent inputs")
    import jax
    from neural_tangents import stax

    rng = np.random.default_rng(0)
    print(f"{'':34}{'difference':>12}{'time':>8}")
    for name, (pixels, layers, build) in cases().items():
        blocks = [mf.Network(*layer) if isinstance(layer, tuple) else mf.Network(layer) for layer in layers]
        x = rng.standard_normal((2, *pixels, 3))
        points = x.reshape(-1, 3)
        theirs_of = stax.serial(*build())[2]
        kernel = jax.jit(lambda x, of=theirs_of: of(x, None, "nngp"))

        def ours(blocks=blocks, points=points, pixels=pixels):
            return mf.propagate_pixels(blocks, points @ points.T / 3, len(blocks), pixels=pixels).covariance[-1]

        right, found = np.asarray(kernel(x)), ours()
        if right.ndim == 4:  # inputs, inputs, tokens, tokens
            right = right.transpose(0, 2, 1, 3).reshape(found.shape)
        difference = abs(found - right).max() / abs(right).max()
        print(
            f"{name:34}{difference:12.0e}{seconds(lambda k=kernel, x=x: k(x).block_until_ready()) / seconds(ours):8.2f}"
        )


if __name__ == "__main__":
    main()
