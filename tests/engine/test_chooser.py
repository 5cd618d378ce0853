"""The chooser: its features, and a masked softmax over candidates that does not depend on their order."""

from __future__ import annotations

import torch

from aan_engine.candidates.candidate import Kind
from aan_engine.network.chooser import (
    COARSE_CHANNELS,
    FINE_CHANNELS,
    KINDS,
    SYNTHESISED,
    Chooser,
    candidate_features,
    candidate_softmax,
    suppress_faint_synthesis,
)


def given() -> dict[str, torch.Tensor]:
    K, h, w = 5, 16, 24
    g = torch.Generator().manual_seed(3)
    return {
        "image": torch.rand(1, K, 3, h, w, generator=g),
        "valid": (torch.rand(1, K, 1, h, w, generator=g) > 0.3).float(),
        "distance": torch.rand(1, K, 1, h, w, generator=g) * 20,
        "confidence": torch.rand(1, K, 1, h, w, generator=g),
        "independent_motion": torch.rand(1, K, 1, h, w, generator=g),
        "kind": torch.arange(K)[None] % KINDS,
    }


def scored(candidates: dict[str, torch.Tensor]) -> torch.Tensor:
    torch.manual_seed(0)
    model = Chooser().eval()
    g = torch.Generator().manual_seed(4)
    target, hidden = torch.rand(1, 3, 16, 24, generator=g), (torch.rand(1, 1, 16, 24, generator=g) > 0.5).float()
    with torch.inference_mode():
        fine, coarse = candidate_features(target, hidden, **candidates)
        return model(fine, coarse, valid=candidates["valid"], kind=candidates["kind"])


def test_a_candidate_that_is_not_valid_weighs_exactly_zero() -> None:
    valid = torch.ones(1, 3, 4, 4)
    valid[:, 1] = 0
    valid[..., 0, 0] = 0
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 1] = 1e4
    weight = candidate_softmax(logits, valid)
    assert (weight[:, 1] == 0).all()
    assert (weight[..., 0, 0] == 0).all()
    assert torch.allclose(weight.sum(1)[..., 1:, :], torch.ones(1, 3, 4))
    assert weight.isfinite().all()


def test_inference_gives_what_training_does() -> None:
    """Without gradients layers are added up in place."""
    candidates = given()
    torch.manual_seed(0)
    model = Chooser()
    target, hidden = torch.rand(1, 3, 16, 24), (torch.rand(1, 1, 16, 24) > 0.5).float()
    fine, coarse = candidate_features(target, hidden, **candidates)
    learning = model(fine, coarse, valid=candidates["valid"], kind=candidates["kind"])
    with torch.no_grad():
        used = [model(fine, coarse, valid=candidates["valid"], kind=candidates["kind"]) for _ in range(2)]
    torch.testing.assert_close(used[0], learning)
    torch.testing.assert_close(used[1], used[0], rtol=0, atol=0)


def test_the_weights_do_not_depend_on_the_candidates_order() -> None:
    candidates = given()
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = {name: value[:, order] for name, value in candidates.items()}
    torch.testing.assert_close(scored(turned), scored(candidates)[:, order], rtol=1e-4, atol=1e-4)


def test_what_the_target_hides_is_not_read() -> None:
    candidates = given()
    hidden = torch.zeros(1, 1, 16, 24)
    hidden[..., 4:12, 4:20] = 1
    target = torch.rand(1, 3, 16, 24)
    stained = target + 9 * hidden
    for a, b in zip(
        candidate_features(target, hidden, **candidates), candidate_features(stained, hidden, **candidates), strict=True
    ):
        assert torch.equal(a, b)


def coarse_features(images: list[float], *, kinds: list[int], hidden: torch.Tensor | None = None) -> torch.Tensor:
    """The coarse features of flat candidates (K, COARSE_CHANNELS, 8, 8) beside a target of 0.5."""
    K = len(images)
    plane = torch.ones(1, K, 1, 16, 16)
    _, coarse = candidate_features(
        torch.full((1, 3, 16, 16), 0.5),
        torch.ones(1, 1, 16, 16) if hidden is None else hidden,
        image=plane * torch.tensor(images).reshape(1, K, 1, 1, 1).expand(1, K, 3, 1, 1),
        valid=plane,
        distance=plane,
        confidence=plane,
        independent_motion=plane,
        kind=torch.tensor([kinds]),
    )
    return coarse[0]


SUPPORT, RELATIVE_FIT = slice(15, 17), slice(11, 15)


def test_there_are_as_many_features_as_the_network_expects() -> None:
    fine, coarse = candidate_features(torch.rand(1, 3, 16, 24), torch.ones(1, 1, 16, 24), **given())
    assert fine.shape == (1, 5, FINE_CHANNELS, 16, 24)
    assert coarse.shape == (1, 5, COARSE_CHANNELS, 8, 12)


def test_a_candidate_is_supported_by_plates_that_show_the_same_and_never_by_the_synthesis() -> None:
    alike = coarse_features([0.3, 0.3, 0.7, 0.7], kinds=[0, 1, 2, SYNTHESISED])[:, SUPPORT].mean((2, 3))
    assert (alike[0] > 0.3).all()
    torch.testing.assert_close(alike[0], alike[1])
    assert (alike[2] < 0.05).all()
    assert (alike[SYNTHESISED - 1] > 0.3).all()  # but a plate that shows the same supports it


def test_the_candidate_that_fits_beside_the_hole_is_the_best_and_others_are_worse() -> None:
    hidden = torch.zeros(1, 1, 16, 16)
    hidden[..., 6:10, 6:10] = 1
    off = coarse_features([0.5, 0.6], kinds=[0, 1], hidden=hidden)[:, RELATIVE_FIT].mean((2, 3))
    assert (off[0].abs() < 1e-5).all()
    assert (off[1] > 0.5).all()


def test_faint_synthesis_is_suppressed_and_a_candidate_without_weight_gets_none() -> None:
    weights = suppress_faint_synthesis(torch.tensor([0.6, 0.0, 0.32, 0.08]).reshape(1, 4, 1, 1)).flatten()
    assert weights[3] == 0
    assert weights[1] == 0
    torch.testing.assert_close(weights[0] / weights[2], torch.tensor(0.6 / 0.32))
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))


def test_a_large_weight_of_the_synthesis_stays() -> None:
    weights = torch.tensor([0.3, 0.2, 0.5]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(suppress_faint_synthesis(weights), weights)


def test_where_no_plate_shows_anything_the_synthesis_has_all_weight() -> None:
    weights = torch.tensor([0.0, 1e-4, 1 - 1e-4]).reshape(1, 3, 1, 1)
    assert suppress_faint_synthesis(weights).flatten()[2] == 1


def test_the_network_and_the_candidates_count_kinds_alike() -> None:
    assert len(Kind) == KINDS
    assert int(Kind.SYNTHESISED) == SYNTHESISED
