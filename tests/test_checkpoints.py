"""Files of a checkpoint folder: names, what is kept, damage, full disks."""

import os
import resource
from pathlib import Path

import pytest
import torch

from helpers import small_config
from mixcon3d.checkpoints import CheckpointObserver, list_checkpoints, read_newest, set_aside_later
from mixcon3d.config import Config
from mixcon3d.errors import CheckpointError
from mixcon3d.models.trimodal import TriModalModel
from mixcon3d.optim import ExponentialMovingAverage, build_gradient_scaler, build_optimizer
from mixcon3d.run_folder import RunFolder
from mixcon3d.state import Layout, Progress, TrainState, read_checkpoint

DIM = 16
LAYOUT = Layout(world_size=1, train_batch_size=4, accum_freq=1, num_objects=16, steps_per_epoch=4)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, tmp_path / "ckpt")


def make_state(config: Config) -> TrainState:
    model = TriModalModel(config.model, config.training, DIM)
    optimizer = build_optimizer(model, config.training, 1e-3)
    scaler = build_gradient_scaler(config.training, torch.device("cpu"))
    return TrainState(model, ExponentialMovingAverage(model, config.training), optimizer, scaler)


def save_at(folder: RunFolder, positions: list[tuple[int, int]], **settings: int) -> list[str]:
    """Saves at (epoch, step within it) positions of a run of 4 steps an epoch; the names left, newest first."""
    config = small_config(**{f"training__{key}": value for key, value in settings.items()})
    state = make_state(config)
    observer = CheckpointObserver(config, folder, LAYOUT)
    for epoch, epoch_step in positions:
        state.progress = Progress(epoch, epoch_step, step=4 * epoch + epoch_step)
        observer.on_save(state)
    return [path.name for path in list_checkpoints(folder.checkpoints)]


def test_names_tell_the_position_and_latest_is_a_link_to_the_newest(folder):
    names = save_at(folder, [(0, 2), (1, 0), (1, 3)])
    assert names == ["epoch_0001_step_00000007.pt", "epoch_0001.pt", "epoch_0000_step_00000002.pt"]
    assert os.readlink(folder.checkpoints / "latest.pt") == names[0]
    assert read_checkpoint(folder.checkpoints / "latest.pt")["state"]["progress"]["step"] == 7


def test_the_newest_and_every_nth_and_the_last_epoch_are_kept(folder):
    positions = [(epoch, 0) for epoch in range(1, 8)]
    names = save_at(folder, positions, keep_checkpoints=2, save_freq=3, max_epoch=7)
    assert names == ["epoch_0007.pt", "epoch_0006.pt", "epoch_0003.pt"]


def test_checkpoints_inside_an_epoch_make_way_for_newer_ones(folder):
    positions = [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]
    names = save_at(folder, positions, keep_checkpoints=2, save_freq=1)
    assert names == ["epoch_0001_step_00000005.pt", "epoch_0001.pt"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(folder, caplog, damage):
    save_at(folder, [(1, 0), (2, 0)])
    newest, before = list_checkpoints(folder.checkpoints)
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    newest.write_bytes({"truncate": content[:-1000], "flip": content, "empty": b""}[damage])
    found = read_newest([newest, before])
    assert found.path == before
    assert found.content["state"]["progress"]["epoch"] == 1
    assert f"going back to {before}" in caplog.text
    assert str(newest) in caplog.text


def test_without_a_readable_checkpoint_each_is_named(folder):
    save_at(folder, [(1, 0), (2, 0)])
    for path in list_checkpoints(folder.checkpoints):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"epoch_0002.pt: .*epoch_0001.pt: "):
        read_newest(list_checkpoints(folder.checkpoints))


def test_what_lies_ahead_is_set_aside_and_what_was_half_written_removed(folder):
    save_at(folder, [(1, 0), (1, 2), (2, 0)])
    (folder.checkpoints / "epoch_0003.pt.tmp").write_bytes(b"half")
    set_aside_later(folder.checkpoints, Progress(1, 1, step=5))
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == [
        "epoch_0001.pt", "epoch_0001_step_00000006.pt.set_aside", "epoch_0002.pt.set_aside", "latest.pt"
    ]  # fmt: skip


def test_a_full_disk_stops_with_one_line_and_leaves_the_old_checkpoint_intact(folder):
    save_at(folder, [(1, 0)])
    before = {path.name: path.read_bytes() for path in folder.checkpoints.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may not grow beyond a hundred kilobytes: the write fails in the middle, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"epoch_0002.pt: .*could not be written: .*older .* intact") as error:
            save_at(folder, [(2, 0)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.is_on_all_ranks
    assert {path.name: path.read_bytes() for path in folder.checkpoints.iterdir()} == before
    assert read_newest(list_checkpoints(folder.checkpoints)).content["state"]["progress"]["epoch"] == 1


def test_a_checkpoint_holds_plain_values_and_tensors_only(folder):
    save_at(folder, [(1, 2)])
    content = torch.load(folder.checkpoints / "latest.pt", weights_only=True)
    assert set(content) == {"format", "config", "layout", "origin", "state"}
    assert set(content["state"]) == {
        "model", "ema", "optimizer", "scaler", "progress", "wandb_id", "torch_rng"
    }  # fmt: skip


def test_files_ahead_never_push_out_the_one_just_saved(folder):
    save_at(folder, [(2, 1), (2, 2), (3, 0)])
    assert save_at(folder, [(1, 0), (1, 1)], keep_checkpoints=1, save_freq=50) == [
        "epoch_0003.pt", "epoch_0002_step_00000010.pt", "epoch_0002_step_00000009.pt", "epoch_0001_step_00000005.pt"
    ]  # fmt: skip
