import pytest

from mixcon3d.errors import ConfigError
from mixcon3d.launch import Launch, read_launch, rendezvous_variables

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
SRUN = {
    "SLURM_JOB_ID": "41007", "SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_NTASKS": "8",
    "SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NODELIST": "gpu[07-08]",
}  # fmt: skip


def test_without_a_launcher_there_is_one_process():
    assert read_launch({}) == Launch(0, 1, 0, "")


def test_torchrun_is_read_and_goes_before_slurm():
    assert read_launch({**SRUN, **TORCHRUN}) == Launch(5, 8, 1, "torchrun")
    assert rendezvous_variables(read_launch(TORCHRUN), TORCHRUN) == {}


def test_a_step_of_srun_is_read():
    assert read_launch(SRUN) == Launch(5, 8, 1, "srun")
    few = {"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0"}
    assert read_launch(few) == Launch(1, 2, 0, "srun")


def test_the_script_of_a_batch_job_is_one_process():
    script = {key: value for key, value in SRUN.items() if "STEP" not in key} | {"SLURM_PROCID": "0"}
    assert read_launch(script) == Launch()


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("node7", "node7"), ("node7,node9", "node7"), ("gpu[07-08]", "gpu07"), ("gpu[3,5-9],cpu1", "gpu3"),
     ("rack-1-n[12-13]-ib", "rack-1-n12-ib")],
)  # fmt: skip
def test_processes_of_srun_meet_at_the_first_node(nodes, first):
    environment = {**SRUN, "SLURM_STEP_NODELIST": nodes}
    variables = rendezvous_variables(read_launch(environment), environment)
    assert variables == {
        "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": first, "MASTER_PORT": "21007"
    }  # fmt: skip


def test_an_address_and_port_that_are_set_stay():
    environment = {**SRUN, "MASTER_ADDR": "head", "MASTER_PORT": "5"}
    variables = rendezvous_variables(read_launch(environment), environment)
    assert (variables["MASTER_ADDR"], variables["MASTER_PORT"]) == ("head", "5")


def test_without_a_list_of_nodes_the_message_says_what_to_set():
    environment = {**SRUN, "SLURM_STEP_NODELIST": ""}
    with pytest.raises(ConfigError, match="set MASTER_ADDR"):
        rendezvous_variables(read_launch(environment), environment)
