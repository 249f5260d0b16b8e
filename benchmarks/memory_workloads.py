"""What `memory.py` measures: one training step and one loss, on random data, by the project's own code."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mixcon3d.config import Config
from mixcon3d.config_loading import load_config
from mixcon3d.data.batch import Batch
from mixcon3d.models.trimodal import Embeddings, TriModalModel
from mixcon3d.objective import Objective
from mixcon3d.optim import ExponentialMovingAverage, Schedule, build_gradient_scaler, build_optimizer
from mixcon3d.state import TrainState
from mixcon3d.training_step import TrainingStep

_NUM_VIEWS = 4
_LEARNING_RATE = 1e-3
# BatchNorm in training needs more than one object.
_WARM_UP_OBJECTS = 2


@dataclass(frozen=True)
class StepCase:
    """A training step of `global_batch` objects, `micro_batch` at a time, in one process."""

    global_batch: int
    micro_batch: int
    grad_checkpointing: bool
    scaling: int
    num_points: int
    dim: int
    device: str


@dataclass(frozen=True)
class LossCase:
    """The loss of `own_rows` of the `global_batch` rows, and its gradient for all gathered embeddings."""

    global_batch: int
    own_rows: int
    dim: int
    device: str


def build_config(case: StepCase) -> Config:
    """`configs/train.yaml` at the sizes of the case."""
    settings = {"model.scaling": case.scaling, "clip_embed_dim": case.dim, "training.lr": _LEARNING_RATE}
    settings |= {"training.grad_checkpointing": case.grad_checkpointing, "training.warmup_epoch": 0}
    return load_config(None, settings.items())


def build_model(case: StepCase, config: Config) -> TriModalModel:
    """Seeded; in training mode."""
    torch.manual_seed(0)
    model = TriModalModel(config.model, config.training, case.dim).to(case.device)
    model.point_encoder.ppat.transformer.grad_checkpointing = config.training.grad_checkpointing
    return model.train()


def random_batch(case: StepCase, num_objects: int, seed: int) -> Batch:
    """Coloured points on the unit sphere, each object with its views and its text."""
    generator = torch.Generator().manual_seed(seed)
    xyz = torch.randn(num_objects, case.num_points, 3, generator=generator)
    xyz = xyz / xyz.norm(dim=-1, keepdim=True)
    features = torch.cat([xyz, torch.rand(num_objects, case.num_points, 3, generator=generator)], dim=-1)
    views = torch.randn(num_objects, _NUM_VIEWS, case.dim, generator=generator)
    texts = torch.randn(num_objects, case.dim, generator=generator)
    mask, start = torch.ones(num_objects, dtype=torch.bool), torch.zeros(num_objects, dtype=torch.int64)
    names = [str(i) for i in range(num_objects)]
    return Batch(names, xyz, features, views, texts, mask, start, None, []).to(torch.device(case.device))


def input_bytes(case: StepCase) -> int:
    """Of one object of the batch."""
    return 4 * (case.num_points * (3 + 6) + (_NUM_VIEWS + 1) * case.dim)


def prepare_step(case: StepCase) -> Callable[[], object]:
    """Model, optimizer with its moments, moving average and batches are there; the step is what is returned."""
    config = build_config(case)
    model, training = build_model(case, config), config.training
    optimizer = build_optimizer(model, training, _LEARNING_RATE)
    scaler = build_gradient_scaler(training, torch.device(case.device))
    state = TrainState(model, ExponentialMovingAverage(model, training), optimizer, scaler)
    step = TrainingStep(training, state, model, Schedule(training, _LEARNING_RATE, steps_per_epoch=10))
    step([random_batch(case, _WARM_UP_OBJECTS, seed=0)])
    optimizer.zero_grad(set_to_none=True)
    batches = [random_batch(case, case.micro_batch, seed) for seed in range(case.global_batch // case.micro_batch)]
    return lambda: step(batches)


def random_embeddings(case: LossCase, dtype: torch.dtype = torch.float32) -> Embeddings:
    """Seeded leaves, as they are after the gathering."""
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randn(case.global_batch, case.dim, generator=generator, dtype=dtype) for _ in range(4)]
    return Embeddings(*(row.to(case.device).requires_grad_() for row in rows))


def loss_gradients(embeddings: Embeddings, own: slice) -> list[Tensor]:
    """Total loss of the own rows and its gradients for all rows of all embeddings and for the log-scales."""
    training = load_config(None, []).training
    device = embeddings.point.device
    objective = Objective(training)
    scale = torch.tensor(training.logit_scale_init, device=device, dtype=embeddings.point.dtype).log()
    scales = {pairing.log_scale: scale.clone().requires_grad_() for pairing in objective.pairings.values()}
    mask = torch.ones(len(embeddings.point), dtype=torch.bool, device=device)
    total = objective(embeddings, scales, mask, own).total
    inputs = [embeddings.point, embeddings.image, embeddings.text, embeddings.joint, *scales.values()]
    return [total, *torch.autograd.grad(total, inputs)]


def prepare_loss(case: LossCase) -> Callable[[], object]:
    """The gathered embeddings are there; loss and gradients are what is returned."""
    small = LossCase(8, 4, case.dim, case.device)
    loss_gradients(random_embeddings(small), slice(0, small.own_rows))
    embeddings = random_embeddings(case)
    return lambda: loss_gradients(embeddings, slice(0, case.own_rows))
