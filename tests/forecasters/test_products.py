"""Linear maps by oneDNN: the same numbers and gradients, and hands off everything else."""

import pytest

torch = pytest.importorskip("torch")

from forepath.forecasters import products  # noqa: E402
from forepath.forecasters.products import QuickProducts  # noqa: E402


def outcome(model, x):
    """[what comes out, its gradients]"""
    for tensor in (x, *model.parameters()):
        tensor.grad = None
    out = model(x)
    (out * torch.arange(out.numel(), dtype=out.dtype).view(out.shape).sin()).sum().backward()
    return [out.detach(), x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("shape", [(5, 16), (3, 7, 16)])
def test_values_and_gradients_are_those_of_torch(shape, monkeypatch):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 24), torch.nn.SiLU(), torch.nn.Linear(24, 6, bias=False))
    x = torch.randn(shape, requires_grad=True)
    plain, used = outcome(model, x), []
    linear = products._linear
    monkeypatch.setattr(products, "_linear", lambda *args: used.append(args) or linear(*args))
    with QuickProducts():
        quick = outcome(model, x)
    assert len(used) == 6  # of each map, the product and both its gradients
    for one, other in zip(plain, quick, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(products, "_linear", lambda x, w, b: linear(x, w, b) * 1.01)  # the oracle can fail
    with QuickProducts():
        wrong = outcome(model, x)
    assert not torch.allclose(wrong[0], plain[0], rtol=1e-4, atol=1e-5)


def test_what_is_not_trained_has_no_gradient():
    model = torch.nn.Linear(4, 3)
    model.weight.requires_grad_(False)
    with QuickProducts():
        model(torch.randn(2, 4)).sum().backward()
    assert model.weight.grad is None and torch.allclose(model.bias.grad, torch.full((3,), 2.0))


def test_other_types_and_empty_ones_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(products, "_linear", lambda *_: pytest.fail("not of this type"))
    with QuickProducts():
        for x in (torch.randn(2, 4, dtype=torch.float64), torch.randn(0, 4), torch.randn(2, 4, dtype=torch.bfloat16)):
            assert torch.nn.Linear(4, 3, dtype=x.dtype)(x).shape == (len(x), 3)
