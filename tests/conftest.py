import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_wandb(tmp_path_factory):
    """No test sends anything to W&B, also where the developer is logged in to it."""
    nowhere = str(tmp_path_factory.mktemp("home") / "nothing")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("API_KEY", "IDENTITY_TOKEN_FILE", "BASE_URL", "MODE", "RUN_ID"):
            patch.delenv(f"WANDB_{name}", raising=False)
        patch.setenv("NETRC", nowhere)
        patch.setenv("WANDB_CONFIG_DIR", nowhere)
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        yield
