"""Blocks by name: the layers that published networks repeat, each a `meanfield.Network`."""

from meanfield.networks.blocks.published import gpt2, llama, vit
from meanfield.networks.blocks.resnets import resnet_v2
from meanfield.networks.blocks.transformers import parallel_transformer, post_ln_transformer, pre_ln_transformer

__all__ = ["gpt2", "llama", "parallel_transformer", "post_ln_transformer", "pre_ln_transformer", "resnet_v2", "vit"]
