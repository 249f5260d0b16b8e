"""Every setting of a run, typed. One dataclass per section of the YAML files; the defaults are `configs/train.yaml`.

Each field is declared by `option(default, meaning)`; the meaning names the unit and becomes the comment in
`configs/train.yaml`, which `python -m mixcon3d.config_text` writes from this file.
"""

from dataclasses import dataclass, field
from typing import Any


def option(
    default: Any,
    meaning: str,
    *,
    choices: tuple[Any, ...] = (),
    low: float | None = None,
    high: float | None = None,
    inert: bool = False,
) -> Any:
    """A dataclass field with its meaning and bounds.

    Args:
        default: value if the user gives none.
        meaning: one line with the unit; "" is not allowed.
        choices: the values (or, for a list, the items) that are accepted; empty for any.
        low, high: inclusive bounds of a number.
        inert: a key of the original code without effect there or here; accepted at its default only.
    """
    metadata = {"meaning": meaning, "choices": choices, "low": low, "high": high, "inert": inert}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class ModelConfig:
    """The point encoder."""

    name: str = option("PointBERT", "point encoder; PointBERT is the one there is")
    scaling: int = option(3, "size of PointBERT: 1 to 6 as published, 0 a small one for CPUs", low=0, high=6)
    in_channel: int = option(6, "channels of a point's features: 6 = xyz + rgb, 3 = xyz", choices=(3, 6))
    out_channel: int = option("${clip_embed_dim}", "size of the embedding; must equal clip_embed_dim", low=1)
    use_dense: bool = option(True, "dense (B, N, 3) clouds; sparse tensors do not exist here", choices=(True,))
    voxel_size: float = option(0.02, "of the original's sparse encoders; no effect", inert=True)
    embedding_channel: int = option(1024, "of the original's sparse encoders; no effect", inert=True)


@dataclass
class TrainingConfig:
    """Objective, optimisation and what is kept."""

    seed: int = option(
        0, "of every random draw of a run; two CPU runs with the same seed agree bit for bit", low=0, high=2**32 - 1
    )
    max_epoch: int = option(200, "epochs to train", low=1)
    warmup_epoch: float = option(10, "epochs of linear warm-up of the learning rate", low=0)
    lr: float | None = option(None, "peak learning rate; null: 1e-3 x global batch / 256", low=0)
    min_lr: float = option(0.0, "learning rate at the end of the cosine", low=0)
    beta1: float = option(0.9, "AdamW: decay of the first moment, per step", low=0, high=0.999999)
    beta2: float = option(0.999, "AdamW: decay of the second moment, per step", low=0, high=0.999999)
    eps: float = option(1e-8, "AdamW: added to the root of the second moment", low=1e-16)
    weight_decay: float = option(0.01, "AdamW: decoupled decay, per step and unit of learning rate", low=0)
    weight_decay_on: str = option(
        "matrices", "what decays: matrices (no bias, norm, scale or class token) or everything",
        choices=("matrices", "everything"),
    )  # fmt: skip
    use_openclip_optimizer_scheduler: bool = option(
        True, "True: warm-up and cosine; False: the original's StepLR by lr_decay_step and lr_decay_rate, no warm-up"
    )
    schedule_before_step: bool = option(
        True, "set the rate before the optimizer's step; False as released: after it, so that step 0 runs at the peak"
    )
    lr_decay_step: int = option(10000, "StepLR: optimizer steps between two decays", low=1)
    lr_decay_rate: float = option(0.967, "StepLR: factor of a decay", low=0, high=1)
    precision: str = option(
        "fp32", "of the forward and backward pass (fp16 scales its gradients); `supress`: the original's word for fp32",
        choices=("fp32", "bf16", "fp16", "supress"),
    )  # fmt: skip
    grad_clip_norm: float | None = option(None, "largest norm of all gradients together; null: as they are", low=1e-6)
    max_skipped_steps: int = option(
        20, "stop after so many steps in a row whose loss or gradient is not finite; such a step changes nothing", low=1
    )
    local_loss: bool = option(True, "each process computes the loss of its own rows only; False: of the whole batch")
    grad_checkpointing: bool = option(False, "recompute the transformer's activations: less memory, more time")
    compile: bool = option(False, "torch.compile the transformer blocks; needs a C++ compiler on CPU, Triton on GPU")

    loss_avg: bool = option(True, "True: joint + 1/3 of the three others (paper, Eq. 5); False: plain sum")
    image_text_align: bool = option(True, "include the image-text loss")
    pc_img_to_text: bool = option(True, "include the loss between the joint (point, image) feature and the text")
    use_image_proj: bool = option(True, "learn a projection g^I of the image features; False: identity")
    use_text_proj: bool = option(True, "learn a projection g^T of the text features; False: identity")
    share_proj: bool = option(False, "use g^T for the images too, as the released code did")
    img_loss_mode: str = option(
        "Avg", "how M views become one image feature: mean, maximum, or either followed by a learned g^MV",
        choices=("Avg", "Max", "Avg_proj", "Max_proj", "avg_proj"),
    )  # fmt: skip
    normalize_before_fusion: bool = option(True, "l2-normalise each view, and the point feature, before they are fused")
    use_MLP: bool = option(False, "joint head g^(I,P): True a two-layer MLP, False one linear layer")  # noqa: N815
    train_joint_head: bool = option(True, "optimise joint head, g^MV and their scales; the released code did not")
    logit_scale_init: float = option(14.28, "inverse temperature of every loss at the start", low=1, high=100)
    logit_scale_fix: bool = option(False, "keep the temperatures at their start")
    share_logit_scale: bool = option(False, "one temperature for all losses instead of one each")
    clamp_scales: str = option(
        "all", "log-scales kept in [0, ln 100]: all four, or only point-image and point-text as released",
        choices=("all", "point"),
    )  # fmt: skip

    ema: bool = option(True, "keep an exponential moving average of all weights, and evaluate it")
    ema_decay: float = option(0.9995, "decay of the average, per step", low=0, high=1)
    ema_warmup: bool = option(True, "bias correction: decay min(ema_decay, 1 - (1 + t)^(-2/3)) at step t")

    log_freq: int = option(10, "optimizer steps between two log lines", low=1)
    checkpoint_every_steps: int = option(
        200, "optimizer steps between two checkpoints inside an epoch; 0: only at its end", low=0
    )
    keep_checkpoints: int = option(3, "newest checkpoints that are kept", low=1)
    save_freq: int = option(50, "epochs between two checkpoints that are kept for good; the last is kept too", low=1)
    eval_freq: int = option(10, "epochs between two evaluations; the last epoch is always evaluated; 0: only it", low=0)
    report_to: list[str] = option(
        ["console", "jsonl", "auto"], "where metrics go, or none; jsonl: metrics.jsonl; auto: W&B where logged in",
        choices=("console", "jsonl", "wandb", "auto"),
    )  # fmt: skip
    wandb_mode: str | None = option(
        None, "send to W&B, or record for it; null: as the environment's WANDB_MODE says, else online",
        choices=("online", "offline"),
    )  # fmt: skip
    report: bool = option(True, "write report.html at the end")
    debug: bool = option(False, "smoke run: one epoch of at most 5 steps, 64 objects of each benchmark")

    lambda_img_contras: float = option(1.0, "of the original; no effect", inert=True)
    lambda_text_contras: float = option(1.0, "of the original; no effect", inert=True)
    use_mask: bool = option(False, "of the original; no effect", inert=True)
    mask_threshold: float = option(0.1, "of the original; no effect", inert=True)
    sparseconv_ema: bool = option(False, "of the original; no effect", inert=True)


@dataclass
class DatasetConfig:
    """The training data, in the OpenShape format."""

    folder: str = option("data", "folder that holds Objaverse/ ShapeNet/ ABO/ 3D-FUTURE/ and usually meta_data/")
    train_split: str = option("meta_data/split/train_all.json", "JSON list of the training objects")
    train_partial: int = option(-1, "use only the first n objects of the split; -1: all", low=-1)
    train_batch_size: int = option(
        64, "objects (with use_knn_negative_sample: groups of them) per process and micro-batch", low=1
    )
    accum_freq: int = option(1, "micro-batches per optimizer step; the loss is that of all of them together", low=1)
    num_workers: int = option(6, "loader processes per process; 0: load in the process itself", low=0)
    num_points: int = option(10000, "points drawn from an object", low=1)
    y_up: bool = option(True, "stored clouds are y-up: swap axes 1 and 2")
    normalize: bool = option(True, "centre on the mean and scale to the unit sphere")
    augment: bool = option(True, "point dropout, scale, shift and small rotation")
    random_z_rotate: bool = option(True, "rotate by a uniform angle about the up axis")
    use_color: bool = option(True, "give the encoder rgb; needs model.in_channel 6")
    rgb_random_drop_prob: float = option(0.5, "probability that all colours become 0.4 grey", low=0, high=1)
    image_feat_mode: str = option(
        "Multiple", "views in training: Multiple = image_amount, Original = one", choices=("Multiple", "Original")
    )
    inference_image_feat_mode: str = option(
        "Multiple", "views in the multi-view readouts: Multiple = image_amount, Original = one",
        choices=("Multiple", "Original"),
    )  # fmt: skip
    image_amount: int = option(4, "views M per object", low=1)
    view_sampling: str = option(
        "without_replacement", "how the M views are drawn; the released code drew with replacement",
        choices=("without_replacement", "with_replacement"),
    )  # fmt: skip
    text_source: list[str] = option(
        ["text", "caption", "retrieval_text"], "kinds of text to choose from",
        choices=("text", "caption", "retrieval_text"),
    )  # fmt: skip
    use_prompt_engineering: bool = option(True, "texts and captions averaged over prompt templates; False: as they are")
    use_text_filtering: bool = option(True, "leave out raw Objaverse texts that GPT-4 flagged N")
    gpt4_filtering_path: str = option("meta_data/gpt4_filtering.json", "the flags, by object id")
    use_knn_negative_sample: bool = option(
        False, "hard negatives: batches of groups, each an object of the epoch and those nearest to it by knn_path"
    )
    negative_sample_num: int = option(
        1, "objects of such a group, itself included; a batch holds so many times train_batch_size", low=1
    )
    knn_path: str = option(
        "meta_data/point_feat_knn.npy", "nearest objects of each object; src/tools/make_point_knn.py makes such a file"
    )
    features: str = option(
        "stored", "CLIP features: stored in the object files, or computed online by the frozen tower of section clip",
        choices=("stored", "online"),
    )  # fmt: skip
    max_bad_objects: int = option(100, "stop training when more objects than this could not be read", low=0)
    name: str = option("Four", "of the original; no effect", inert=True)


@dataclass
class ObjaverseLVISConfig:
    """Zero-shot benchmark: objects of Objaverse with an LVIS category, points and views."""

    split: str = option("meta_data/split/lvis.json", "JSON list of the objects and their categories")
    clip_feat_path: str = option("meta_data/lvis_cat_name_pt_feat.npy", "class-name features, sorted by category")
    num_points: int = option(10000, "points drawn from an object", low=1)
    num_workers: int = option(6, "loader processes per process", low=0)
    batch_size: int = option(32, "objects per process and batch", low=1)
    y_up: bool = option(True, "stored clouds are y-up")
    normalize: bool = option(True, "centre on the mean and scale to the unit sphere")
    use_color: bool = option(True, "give the encoder rgb; needs model.in_channel 6")


@dataclass
class ModelNet40Config:
    """Zero-shot benchmark: CAD models, points only."""

    test_split: str = option("meta_data/modelnet40/test_split.json", "JSON list of names and categories")
    test_pc: str = option("meta_data/modelnet40/test_pc.npy", "the clouds, in the order of the split")
    clip_feat_path: str = option("meta_data/modelnet40/cat_name_pt_feat.npy", "class-name features; sets class order")
    num_points: int = option(10000, "points drawn from an object", low=1)
    num_workers: int = option(2, "loader processes per process", low=0)
    test_batch_size: int = option(32, "objects per process and batch", low=1)
    y_up: bool = option(True, "stored clouds are y-up")


@dataclass
class ScanObjectNNConfig:
    """Zero-shot benchmark: scanned real objects, points only."""

    data_path: str = option("meta_data/scanobjectnn/xyz_label.npy", "clouds and labels")
    clip_feat_path: str = option("meta_data/scanobjectnn/cat_name_pt_feat.npy", "class-name features; sets class order")
    num_points: int = option(10000, "points drawn from an object", low=1)
    num_workers: int = option(2, "loader processes per process", low=0)
    test_batch_size: int = option(32, "objects per process and batch", low=1)
    y_up: bool = option(True, "stored clouds are y-up")


@dataclass
class ClipConfig:
    """The frozen image/text tower; built only for dataset.features: online."""

    model: str = option("ViT-bigG-14", "open_clip name, hf-hub:ID, local-dir:PATH, or path of an open_clip JSON config")
    pretrained: str | None = option("laion2b_s39b_b160k", "open_clip weights tag or file; null: seeded random weights")
    seed: int = option(0, "of random weights", low=0, high=2**32 - 1)
    batch_size: int = option(256, "views or texts encoded at once", low=1)
    cache_items: int = option(200000, "most features kept in memory, one per distinct view or text", low=0)


@dataclass
class EvaluationConfig:
    """What all zero-shot evaluations share."""

    seed: int = option(0, "of the points that evaluation draws", low=0, high=2**32 - 1)


@dataclass
class DemoConfig:
    """The procedural demo data set."""

    generate: bool = option(False, "write the demo data set to dataset.folder before the run, unless it is there")
    seed: int = option(0, "of the generator", low=0, high=2**32 - 1)
    train_per_category: int = option(25, "training objects of each category", low=1)
    lvis_per_category: int = option(6, "held-out objects of each category for Objaverse-LVIS", low=1)
    modelnet_per_category: int = option(4, "held-out objects of each shared category for ModelNet40", low=1)
    scan_per_category: int = option(4, "held-out objects of each of the 15 categories for ScanObjectNN", low=1)
    num_points: int = option(10000, "points of a stored cloud", low=1)
    image_size_px: int = option(96, "width and height of a rendered view, pixels", low=16)


BENCHMARKS = ("objaverse_lvis", "modelnet40", "scanobjectnn")


@dataclass
class Config:
    """A whole run. Keys on the top level are also flags: `--trial_name x` is `trial_name=x`."""

    project_name: str = option("MixCon3D", "title of the report")
    trial_name: str = option("MixCon3D", "name of the run; its folder is <exp_dir>/<trial_name>@<time>")
    exp_dir: str = option("exp", "folder of all runs")
    ckpt_dir: str | None = option(None, "folder of the checkpoints; null: ckpt/ in the run's folder")
    code_dir: str | None = option(None, "folder of the copy of the code; null: code/ in the run's folder")
    resume: str | None = option(None, "checkpoint to go on from: a path, or `latest` for the newest run of trial_name")
    autoresume: bool = option(False, "use the folder <trial_name>@autoresume and go on from what it holds")
    train: bool = option(True, "train; False is the same as eval_only")
    eval_only: bool = option(False, "evaluate the checkpoint of `resume` and stop")
    benchmarks: list[str] = option(list(BENCHMARKS), "zero-shot benchmarks to evaluate", choices=BENCHMARKS)
    clip_embed_dim: int = option(1280, "size of the CLIP features", low=1)
    clip_embed_version: str = option("OpenCLIP", "of the original; no effect", inert=True)
    ngpu: int | None = option(None, "compared with the real number of processes; a mismatch is a warning")
    dist_backend: str | None = option(None, "of torch.distributed; null: nccl with GPUs, gloo without",
                                      choices=("nccl", "gloo"))  # fmt: skip
    dist_url: str = option("env://", "rendezvous of torch.distributed")
    dist_timeout_s: float = option(1800, "how long a process waits for the others before it gives up, seconds", low=1)
    no_set_device_rank: bool = option(False, "use GPU 0 instead of the local rank's (one visible GPU per process)")
    horovod: bool = option(False, "Horovod is not supported; use torchrun", choices=(False,))
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    objaverse_lvis: ObjaverseLVISConfig = field(default_factory=ObjaverseLVISConfig)
    modelnet40: ModelNet40Config = field(default_factory=ModelNet40Config)
    scanobjectnn: ScanObjectNNConfig = field(default_factory=ScanObjectNNConfig)
    clip: ClipConfig = field(default_factory=ClipConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    demo: DemoConfig = field(default_factory=DemoConfig)
