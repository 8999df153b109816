"""Faults of initialisation: by name how the model is made, what plants the fault, and the finding that names it."""

import math


def rescaled(path, factor):
    def plant(model, torch):
        with torch.no_grad():
            model.get_submodule(path).weight.mul_(factor)
        return path

    return plant


def forgotten_depth_scaling(model, torch):
    return "h.0.attn.proj"


def transposed_fan(model, torch):
    for block in model.blocks:
        torch.nn.init.normal_(block.channels.fc1.weight, std=1 / math.sqrt(block.channels.fc1.out_features))
    return "blocks.0.channels.fc1"


def cloned(model, torch):
    model.blocks[3].load_state_dict(model.blocks[1].state_dict())
    return "blocks.3.attn.qkv"


def zero_norm(model, torch):
    torch.nn.init.zeros_(model.blocks[2].norm1.weight)
    return "blocks.2.norm1"


#: name: make the model, plant the fault (which returns the module), kind and severity of the finding.
FAULTS = {
    "a layer 1.3 times too large": (lambda zoo: zoo.mlp(), rescaled("4", 1.3), "scale", "error"),
    "a block's layer 1.3 times too large": (lambda zoo: zoo.vit(), rescaled("blocks.3.mlp.fc1", 1.3), "scale", "error"),
    "one of two SwiGLU weights 8 times too small": (
        lambda zoo: zoo.llama(), rescaled("layers.2.mlp.up_proj", 1 / 8), "gate", "error",
    ),
    "forgotten depth scaling": (lambda zoo: zoo.gpt(scaled=False), forgotten_depth_scaling, "residual", "note"),
    "a transposed fan": (lambda zoo: zoo.mixer(), transposed_fan, "fan", "warning"),
    "cloned layers": (lambda zoo: zoo.vit(), cloned, "copies", "error"),
    "ReLU's gain for GELU": (lambda zoo: zoo.mlp(activation=zoo.nn.GELU), lambda model, torch: "2", "gain", "note"),
    "a zero norm weight": (lambda zoo: zoo.vit(), zero_norm, "zeros", "error"),
}  # fmt: skip
