"""The decider: the whole network at work on one target, on proxies: which candidate shows each hidden pixel.

Alignment and recurrence have proposed (`proposals`); here the inpainter adds what attention finds and what the
residual pathway paints, the chooser scores all of it, and one masked softmax disposes (arXiv 1905.13066, Eq. 4). No
plate is touched: what comes out are weights and coordinates.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from aan_engine.candidates.builders import painted
from aan_engine.candidates.candidate import Candidate, Kind, Neighbourhood, neighbourhood
from aan_engine.candidates.generators import CELL, EVERY, Answer, Pathways, attended, linked, propose, recurrent
from aan_engine.colour.exposure import Compared
from aan_engine.core import projective
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import Survey, compared
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import choose, features, unveil
from aan_engine.network.homography import SIDE
from aan_engine.network.inpainter import ReferenceSet, State
from aan_engine.selection.feature_cache import Encoded
from aan_engine.selection.light_match import UNLIT, Relit, in_light, relight
from aan_engine.selection.plan import Brief, Decision, Prepared, Proposed, Sketched, balanced, unanimity
from aan_engine.selection.poisson import correction
from aan_engine.selection.preference import preferred
from aan_engine.selection.temporal_prior import Leaning


class Decider:
    """Decides the targets of one shot, in order; holds what the recurrence remembers.

    Args:
        survey: the shot. Its learned estimator is this room's `guess`.
        pathways: those that take part.
        light, smoothing: see `shot.Controls`.
    """

    def __init__(
        self,
        networks: Networks,
        survey: Survey,
        *,
        pathways: Pathways = EVERY,
        light: str = "local",
        smoothing: float = 0.0,
    ) -> None:
        self._networks = networks
        self._light, self._smoothing = light, smoothing
        self._pathways = pathways
        self._survey = survey
        self._encoded = Encoded(networks, survey)
        self._answer: Answer | None = None
        self._leaning: Leaning | None = None
        self._state: tuple[int, State] | None = None

    @torch.inference_mode()
    def guess(self, target: int, reference: int) -> NDArray[np.float64]:
        """The learned homography on the proxies, target -> reference (arXiv 1905.13066, section 3.1)."""
        estimate = self._networks.estimator.match(*(self._encoded.for_estimator(i) for i in (target, reference)))
        h, w = self._survey.reel.size
        H = projective.rescale(estimate.homography.double(), before=(SIDE, SIDE), after=(h, w))
        return H[0].cpu().numpy()

    def decide(self, index: int) -> Decision | None:
        """The decision for frame `index`; None where nothing is hidden."""
        return self.conclude(self.sketch(self.prepare(index)))

    def prepare(self, index: int) -> Prepared | None:
        """What needs neither network nor past, for frame `index`; None where nothing is hidden."""
        reel = self._survey.reel
        near = neighbourhood(index, reel.hidden(index), barred=reel.barred(index))
        if near is None:
            return None
        links = linked(self._survey, near, count=self._pathways.references)
        layers = propose(self._survey, near, links=links, kinds=self._pathways.kinds)
        back = self._survey.motion(index, index - 1) if index else None
        return Prepared(near, links, layers, None if back is None else back.carried)

    @torch.no_grad()
    def sketch(self, prepared: Prepared | None) -> Sketched | None:
        """What the inpainter makes of what was prepared; frames are sketched in order."""
        if prepared is None:
            self._state = None
            return None
        index = prepared.near.index
        brief = self._brief(prepared)
        painted_frame = self._networks.inpainter.step(
            brief.image, brief.visible, references=brief.references, state=brief.state, cells=brief.cells
        )
        self._state = (index, painted_frame.state) if Kind.RECURRENT in self._pathways.kinds else None
        h, w = self._survey.reel.size
        picture = painted_frame.image[0, :, :h, :w].permute(1, 2, 0).cpu().numpy()
        return Sketched(prepared, brief, np.ascontiguousarray(picture), painted_frame)

    def conclude(self, sketched: Sketched | None) -> Decision | None:
        """The decision for what was prepared and sketched; frames are concluded in order."""
        proposed = self.complete(sketched)
        return None if proposed is None else self.settle(proposed, self.weigh(proposed))

    def proposals(self, index: int) -> Proposed | None:
        """Every pathway's candidates for frame `index`; None where nothing is hidden."""
        return self.complete(self.sketch(self.prepare(index)))

    def complete(self, sketched: Sketched | None) -> Proposed | None:
        """What was prepared together with what recurrence, refinement and the residual pathway propose."""
        if sketched is None:
            self._answer = self._leaning = None
            return None
        near, links, kinds = sketched.prepared.near, sketched.prepared.links, self._pathways.kinds
        layers = list(sketched.prepared.layers)
        if Kind.RECURRENT in kinds and self._answer is not None and self._answer.index == near.index - 1:
            layers.append(recurrent(self._survey, near, self._answer))
        if links and Kind.ATTENDED in kinds:
            layers.append(self._attended(sketched))
        layers = [c for c in layers if (c.valid & near.hidden).any()]
        light = self._lighting(near, layers)
        layers = [in_light(c, light) for c in layers]
        layers.append(painted(_box(sketched.image, near), near))
        return Proposed(near, layers, sketched.brief, light)

    def _lighting(self, near: Neighbourhood, layers: list[Candidate]) -> Relit:
        """What light did between the target and the candidates' plates."""
        if self._light == "off":
            return UNLIT
        target = _box(self._survey.gallery.image(near.index), near)

        def whole(frame: int) -> Compared | None:
            return compared(self._survey, near.index, frame)

        return relight(target, near, layers, local=self._light == "local", whole=whole)

    def remember(self, proposed: Proposed, shares: Array) -> None:
        """The answer by these weights is what the next frame's recurrence carries along, and what it leans on."""
        near, layers, size = proposed.near, proposed.layers, self._survey.reel.size
        self._answer = Answer.of(near, layers, shares, size=size)
        if self._smoothing:
            self._leaning = Leaning.of(near, layers, shares, size=size)

    def settle(self, proposed: Proposed, shares: Array) -> Decision:
        """The decision by (K, h, w) weights of the candidates; it is remembered for the next frame's recurrence."""
        self.remember(proposed, shares)
        near, layers = proposed.near, proposed.layers
        target = _box(self._survey.gallery.image(near.index), near)
        images = np.stack([c.image for c in layers])
        mended = np.zeros_like(target)
        if self._light == "local":
            mended = correction(target, near.hidden, images=images, weights=shares * ~near.barred)
        agreement, alone = (np.zeros(near.wanted.shape, np.float32) for _ in range(2))
        agreement[near.wanted], alone[near.wanted] = unanimity(images[:, near.wanted], shares[:, near.wanted])
        return Decision(near, layers, shares, mended, agreement, alone, proposed.light)

    def _attended(self, sketched: Sketched) -> Candidate:
        """What refinement proposes: the attention's best cells, as coordinates."""
        matches = sketched.painted.matches
        rows, columns = (-(-side // CELL) for side in self._survey.reel.size)
        cells = [m[0].reshape(rows, columns).cpu().numpy() for m in (matches.reference, matches.y, matches.x)]
        trust = matches.weight[0].reshape(rows, columns).float().cpu().numpy()
        frames = np.append(np.array(list(sketched.prepared.links), np.int32), -1)[cells[0]]
        near, template = sketched.prepared.near, sketched.image
        return attended(
            self._survey, near, frames=frames, rows=cells[1], columns=cells[2], trust=trust, template=template
        )

    @torch.no_grad()
    def weigh(self, proposed: Proposed) -> Array:
        """(K, h, w) weights of the candidates, in the hole and on its rim."""
        device, near, layers = self._networks.device, proposed.near, proposed.layers

        def stacked(name: str) -> Tensor:
            planes = np.stack([getattr(c, name) for c in layers]).astype(np.float32)
            tensor = torch.from_numpy(planes).to(device)
            return tensor.permute(0, 3, 1, 2)[None] if tensor.dim() == 4 else tensor[None, :, None]

        target = torch.from_numpy(_box(self._survey.gallery.image(near.index), near)).to(device).permute(2, 0, 1)[None]
        hidden = torch.from_numpy(near.hidden | near.barred).to(device).float()[None, None]
        h, w = near.hidden.shape
        margin = (0, -w % CELL, 0, -h % CELL)
        given = {name: F.pad(stacked(name), margin) for name in ("image", "valid", "distance", "trust", "stir")}
        kind = torch.tensor([[int(c.kind) for c in layers]], device=device)
        fine, coarse = features(F.pad(target, margin), F.pad(hidden, margin), kind=kind, **given)
        logits = self._networks.chooser(fine, coarse, valid=given["valid"], kind=kind)
        found = unveil(choose(logits, given["valid"][:, :, 0]))
        shares = self._steadied(proposed, balanced(layers, found[0, :, :h, :w].cpu().numpy()))
        return preferred(self._survey.cast, layers, shares, count=self._survey.reel.count)

    def _steadied(self, proposed: Proposed, shares: Array) -> Array:
        """The weights, leaning on those of the frame before where the artist wants it."""
        near, leaning = proposed.near, self._leaning
        if leaning is None or leaning.index != near.index - 1:
            return shares
        back = self._survey.motion(near.index, leaning.index)
        if back is None:
            return shares
        return leaning.steadied(near, proposed.layers, shares, back=back.carried, smoothing=self._smoothing)

    @torch.no_grad()
    def _brief(self, prepared: Prepared) -> Brief:
        index, links = prepared.near.index, prepared.links
        device = self._networks.device
        homographies = [torch.from_numpy(link.homography).float() for link in links.values()]
        known = [self._encoded.for_inpainter(i) for i in links]
        image, visible = self._encoded.padded(index)
        own, shown = self._encoded.for_inpainter(index)
        cells = torch.cat([c for c, _ in known]) if known else own[:0]
        shows = torch.cat([v for _, v in known]) if known else shown[:0]
        H = torch.stack(homographies).to(device) if known else torch.zeros(0, 3, 3, device=device)
        return Brief(image, visible, ReferenceSet(cells, shows, H), self._past(index, prepared.back), own)

    def _past(self, index: int, back: Array | None) -> State | None:
        """The recurrence's memory, brought along the measured motion `back` into the frame before."""
        if self._state is None or self._state[0] != index - 1 or back is None:
            return None
        past, (h, w) = self._state[1], back.shape[:2]
        rows, columns = past.previous.shape[-2:]
        flow = torch.from_numpy(back).permute(2, 0, 1)[None].to(self._networks.device)
        flow = F.pad(flow, (0, columns - w, 0, rows - h), mode="replicate")
        return past.along(flow)


def _box(image: Array, near: Neighbourhood) -> Array:
    h, w = near.hidden.shape
    return np.ascontiguousarray(image[near.top : near.top + h, near.left : near.left + w])
