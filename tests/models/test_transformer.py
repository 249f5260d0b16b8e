"""Recomputed activations and compiled blocks change memory and speed, not numbers."""

import shutil

import pytest
import torch
from torch import nn

from mixcon3d.models.transformer import Transformer


def build() -> Transformer:
    torch.manual_seed(0)
    return Transformer(dim=32, depth=3, num_heads=2, head_dim=16, mlp_dim=48)


def output_and_gradients(transformer: Transformer) -> tuple[torch.Tensor, list[torch.Tensor]]:
    tokens = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(1))
    out = transformer(tokens)
    (out**2).sum().backward()
    return out.detach(), [p.grad for p in transformer.parameters()]


def bytes_kept(transformer: Transformer) -> int:
    """Of the tensors that the forward pass keeps for the backward pass."""
    kept = 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        transformer(torch.randn(2, 50, 32))
    return kept


def test_recomputed_activations_give_the_same_bits_and_keep_less():
    plain, recomputed = build(), build()
    recomputed.grad_checkpointing = True
    torch.testing.assert_close(output_and_gradients(recomputed), output_and_gradients(plain), rtol=0, atol=0)
    assert bytes_kept(recomputed) < 0.2 * bytes_kept(plain)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on CPU")
def test_compiled_blocks_compute_the_same_under_the_same_names():
    plain, compiled = build(), build()
    compiled.compile_blocks()
    assert list(compiled.state_dict()) == list(plain.state_dict())
    torch.testing.assert_close(output_and_gradients(compiled), output_and_gradients(plain), rtol=1e-4, atol=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1


def test_names_are_those_of_the_published_state_dicts():
    names = set(build().state_dict())
    assert "layers.2.0.fn.to_qkv.weight" in names
    assert "layers.2.1.fn.net.3.bias" in names
    assert all(isinstance(block, nn.ModuleList) for block in build().layers)
