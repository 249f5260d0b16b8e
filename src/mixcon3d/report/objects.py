"""Objects worth looking at: examples of right and wrong predictions, and neighbours of texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mixcon3d.evaluation.suite import BenchmarkResult, EvaluationSuite
from mixcon3d.evaluation.zero_shot import Predictions
from mixcon3d.models.trimodal import TriModalModel

NUM_EXAMPLES = 24
NUM_NEIGHBOURS = 6
_NUM_NAME_QUERIES = 10
_EXAMPLE_READOUTS = ("point", "joint_mv")
_ATTRIBUTE_QUERIES = ("a red {}", "a tall wooden {}", "a small white {}", "a round metal {}")


@dataclass(frozen=True)
class Guess:
    """What one readout said. true_rank: 1 for right, up to k, None if the true class is not among the first k."""

    readout: str
    name: str
    true_rank: int | None

    @property
    def is_right(self) -> bool:
        """Whether the first class is the true one."""
        return self.true_rank == 1


@dataclass(frozen=True)
class Example:
    """An object of the benchmark with its predictions; the first readout decides whether it counts as right."""

    index: int
    uid: str
    true_name: str
    guesses: list[Guess]


@dataclass(frozen=True)
class Neighbour:
    """An object near a text. cosine: of its point embedding with the text's embedding."""

    index: int
    true_name: str
    cosine: float
    is_right: bool


@dataclass(frozen=True)
class Query:
    """A text and the objects nearest to it, nearest first."""

    text: str
    neighbours: list[Neighbour]


def spread(indices: Sequence[int], labels: np.ndarray, count: int) -> list[int]:
    """At most `count` of the indices, from as many classes as possible; the same ones every time.

    Args:
        indices: of objects.
        labels: (n,) class of every object.
        count: wanted.
    """
    seen: dict[int, int] = {}
    rounds: dict[int, list[int]] = {}
    for index in indices:
        turn = seen[labels[index]] = seen.get(labels[index], -1) + 1
        rounds.setdefault(turn, []).append(index)
    chosen: list[int] = []
    for turn in sorted(rounds):
        offered, free = sorted(rounds[turn], key=lambda i: labels[i]), count - len(chosen)
        chosen += offered if len(offered) <= free else evenly(offered, free)
    return chosen


def evenly(items: Sequence[int], count: int) -> list[int]:
    """At most `count` items, equally far apart in the sequence."""
    positions = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[p] for p in positions]


def choose_examples(result: BenchmarkResult, weights: str) -> list[Example]:
    """Half right and half wrong by the point readout where there are so many of each, sorted by true class."""
    predictions = result.predictions[weights]
    is_right = predictions.top["point"][:, 0] == predictions.labels
    right, wrong = np.flatnonzero(is_right).tolist(), np.flatnonzero(~is_right).tolist()
    num_right = min(len(right), max(NUM_EXAMPLES // 2, NUM_EXAMPLES - len(wrong)))
    chosen = spread(right, predictions.labels, num_right) + spread(wrong, predictions.labels, NUM_EXAMPLES - num_right)
    return [_example(result, predictions, i) for i in sorted(chosen, key=lambda i: (predictions.labels[i], i))]


def _example(result: BenchmarkResult, predictions: Predictions, index: int) -> Example:
    names, label = result.benchmark.class_names, int(predictions.labels[index])
    guesses = []
    for readout in _EXAMPLE_READOUTS:
        if readout in predictions.top:
            ranked = predictions.top[readout][index].tolist()
            rank = ranked.index(label) + 1 if label in ranked else None
            guesses.append(Guess(readout, names[ranked[0]], rank))
    return Example(index, result.benchmark.dataset.names[index], names[label], guesses)


@torch.no_grad()
def answer_queries(
    result: BenchmarkResult, weights: str, model: TriModalModel, suite: EvaluationSuite
) -> tuple[list[Query], list[Query]]:
    """Neighbours of class names, and, where a tower can encode them, of texts with attributes.

    Args:
        result: of the benchmark whose objects are searched.
        weights: "ema" or "raw", those of `model`.
        model: projects the texts.
        suite: knows the CLIP features of class names and the tower.
    """
    predictions, names = result.predictions[weights], result.benchmark.class_names
    classes = evenly(np.unique(predictions.labels).tolist(), _NUM_NAME_QUERIES)
    features = suite.class_feat(result.benchmark)[classes]
    by_name = _search(result, predictions, _embed(model, features, suite.device), [names[c] for c in classes], classes)
    if suite.tower is None:
        return by_name, []
    asked = evenly(classes, len(_ATTRIBUTE_QUERIES))
    texts = [form.format(names[c].replace("_", " ")) for form, c in zip(_ATTRIBUTE_QUERIES, asked, strict=False)]
    embedded = _embed(model, suite.tower.encode_texts(texts), suite.device)
    return by_name, _search(result, predictions, embedded, texts, asked)


def _embed(model: TriModalModel, text_feat: Tensor, device: torch.device) -> np.ndarray:
    return F.normalize(model.project_texts(text_feat.to(device)), dim=-1).cpu().numpy()


def _search(
    result: BenchmarkResult, predictions: Predictions, embedded: np.ndarray, texts: list[str], classes: list[int]
) -> list[Query]:
    names = result.benchmark.class_names
    queries = []
    for text, wanted, cosines in zip(texts, classes, embedded @ predictions.point_embedding.T, strict=True):
        nearest = np.argsort(-cosines, kind="stable")[:NUM_NEIGHBOURS].tolist()
        labels = [int(predictions.labels[i]) for i in nearest]
        neighbours = [
            Neighbour(i, names[label], float(cosines[i]), label == wanted)
            for i, label in zip(nearest, labels, strict=True)
        ]
        queries.append(Query(text, neighbours))
    return queries
