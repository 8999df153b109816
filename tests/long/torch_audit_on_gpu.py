"""The audit of a GPT-2 of medium size on a GPU, in float32 and bfloat16, agrees with the CPU's: verdict and moments.

Needs torch and a GPU, and passes without. With the argument "cpu", a small model runs there in both precisions.
"""

import importlib.util
import math
import sys
import warnings


def same(device, medium):
    """Whether the audits agree; moments within 10 % in bfloat16 and 1 % in float32."""
    import torch
    import torch_architectures as zoo

    import meanfield.torch as mft

    sizes = {"vocabulary": 50257, "context": 512, "width": 1024, "depth": 24, "heads": 16} if medium else {}
    batch, tokens = (8, 512) if medium else (4, 32)
    torch.manual_seed(0)
    model = zoo.GPT(**sizes).eval()
    inputs = torch.randint(model.wte.num_embeddings, (batch, tokens))
    expected = mft.audit(model, inputs, redraws=0, rng=0)
    agree = True
    for dtype, allowed in ((torch.float32, 0.01), (torch.bfloat16, 0.1)):
        found = mft.audit(model.to(device, dtype), inputs.to(device), redraws=0, rng=0)
        pairs = zip(expected.rows, found.rows, strict=True)
        apart = [abs(math.log(b.second_moment / a.second_moment)) for a, b in pairs if a.second_moment > 0]
        print(f"{dtype} on {device}: {found.verdict}; second moments within {max(apart):.2%}")
        agree &= found.passed == expected.passed and max(apart) < allowed
        model.float()
    return agree


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: nothing was run")
        sys.exit()
    import torch

    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["cpu"]:
        sys.exit(not same("cpu", medium=False))
    if not torch.cuda.is_available():
        print("there is no GPU: nothing was run")
        sys.exit()
    sys.exit(not same("cuda", medium=True))
