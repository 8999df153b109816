"""Small torch models with the initialisation that their papers or libraries give, each as (model, inputs).

Imported by tests that have torch, and by scripts of tests/long/.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def mlp(depth=6, width=128, activation=nn.ReLU, gain=2**0.5, inputs=64, outputs=10):
    """He et al. 2015."""
    layers, fan_in = [], inputs
    for _ in range(depth):
        linear = nn.Linear(fan_in, width)
        nn.init.normal_(linear.weight, std=gain / math.sqrt(fan_in))
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
        fan_in = width
    head = nn.Linear(fan_in, outputs)
    nn.init.normal_(head.weight, std=1 / math.sqrt(fan_in))
    nn.init.zeros_(head.bias)
    return nn.Sequential(*layers, head), torch.randn(16, inputs)


class BasicBlock(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + skip)


class ResNet(nn.Module):
    """He et al. 2016, initialised as in torchvision."""

    def __init__(self, blocks=(2, 2, 2, 2), width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        before = width
        for i, count in enumerate(blocks):
            after = width * 2**i
            stage = [BasicBlock(before if j == 0 else after, after, 2 if i and j == 0 else 1) for j in range(count)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
            before = after
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet():
    return ResNet(), torch.randn(8, 3, 16, 16)


class ChannelsFirstNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, width, scale=1e-6):
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(scale * torch.ones(width))

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """Liu et al. 2022: truncated normal weights of standard deviation 0.02, LayerScale 1e-6."""

    def __init__(self, depths=(2, 2, 3), widths=(24, 48, 96), scale=1e-6):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelsFirstNorm(widths[0], eps=1e-6))
        self.stages, self.down = nn.ModuleList(), nn.ModuleList()
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if i:
                norm = ChannelsFirstNorm(widths[i - 1], eps=1e-6)
                self.down.append(nn.Sequential(norm, nn.Conv2d(widths[i - 1], width, 2, 2)))
            self.stages.append(nn.Sequential(*(ConvNeXtBlock(width, scale) for _ in range(depth))))
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        self.head = nn.Linear(widths[-1], 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(self.down[i - 1](x) if i else x)
        return self.head(self.norm(x.mean((-2, -1))))


def convnext(scale=1e-6):
    return ConvNeXt(scale=scale), torch.randn(8, 3, 32, 32)


class Attention(nn.Module):
    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.proj(y.transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, width, hidden, activation=nn.GELU):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(width, hidden), activation(), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """A pre-LN transformer block."""

    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads, causal)
        self.norm2, self.mlp = nn.LayerNorm(width), Mlp(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Dosovitskiy et al. 2021, initialised as in timm: truncated normal, 0.02."""

    def __init__(self, width=96, depth=6, heads=4, patch=4, side=32):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, patch, patch)
        self.cls_token = nn.Parameter(1e-6 * torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def vit():
    return ViT(), torch.randn(8, 3, 32, 32)


class MixerBlock(nn.Module):
    def __init__(self, width, tokens):
        super().__init__()
        self.norm1, self.tokens = nn.LayerNorm(width), Mlp(tokens, width // 2)
        self.norm2, self.channels = nn.LayerNorm(width), Mlp(width, 4 * width)

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """Tolstikhin et al. 2021, initialised as in timm: Xavier, biases of 1e-6."""

    def __init__(self, width=96, depth=6, patch=4, side=32):
        super().__init__()
        self.stem = nn.Conv2d(3, width, patch, patch)
        self.blocks = nn.Sequential(*(MixerBlock(width, (side // patch) ** 2) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


def mixer():
    return Mixer(), torch.randn(8, 3, 32, 32)


class GPT(nn.Module):
    """Radford et al. 2019: 0.02, and 0.02/√(2·depth) at the ends of branches; head tied to the embedding."""

    def __init__(self, vocabulary=500, context=64, width=96, depth=6, heads=4, scaled=True):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.drop = nn.Dropout(0.1)
        self.h = nn.ModuleList(Block(width, heads, causal=True) for _ in range(depth))
        self.ln_f, self.lm_head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                ends = scaled and name.endswith(("proj.weight", "fc2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if ends else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens):
        x = self.drop(self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device)))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def gpt(scaled=True):
    return GPT(scaled=scaled), torch.randint(500, (4, 32))


class RMSNorm(nn.Module):
    """As transformers writes it out."""

    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


class SwiGLU(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(width, width, bias=False))

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (f(x).view(n, t, self.heads, -1).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        q, k = self.rotated(q), self.rotated(k)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(n, t, d))

    def rotated(self, x):
        t, d = x.shape[-2:]
        angle = torch.outer(torch.arange(t).float(), 10000 ** (-torch.arange(0, d, 2).float() / d))
        cos, sin = (torch.cat([f(angle)] * 2, -1) for f in (torch.cos, torch.sin))
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat([-second, first], -1) * sin


class LlamaBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.input_layernorm, self.self_attn = RMSNorm(width), LlamaAttention(width, heads)
        self.post_attention_layernorm, self.mlp = RMSNorm(width), SwiGLU(width, 256)

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """As transformers initialises it: 0.02 everywhere."""

    def __init__(self, vocabulary=500, width=96, depth=6, heads=4):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(LlamaBlock(width, heads) for _ in range(depth))
        self.norm, self.lm_head = RMSNorm(width), nn.Linear(width, vocabulary, bias=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


def llama():
    return Llama(), torch.randint(500, (4, 32))


def encoder(norm_first=False, cloned=False, depth=4, width=64):
    layer = nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True, norm_first=norm_first)
    model = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    if not cloned:  # as nn.Transformer does
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
    return model, torch.randn(4, 16, width)


class Recurrent(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.lstm, self.head = nn.LSTM(32, width, 2, batch_first=True), nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def lstm():
    return Recurrent(), torch.randn(8, 12, 32)


#: The architectures with the initialisation that their papers or libraries give.
WELL_INITIALISED = {
    "MLP": mlp,
    "ResNet": resnet,
    "ConvNeXt": convnext,
    "ViT": vit,
    "MLP-Mixer": mixer,
    "GPT-2": gpt,
    "Llama": llama,
    "encoder, post-LN": encoder,
    "encoder, pre-LN": lambda: encoder(norm_first=True),
    "LSTM": lstm,
}
