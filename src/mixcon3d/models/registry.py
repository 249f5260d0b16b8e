"""Names of point encoders -> their builders."""

from mixcon3d.config import ModelConfig
from mixcon3d.errors import ConfigError
from mixcon3d.models.pointbert import SCALINGS, PointBERT


def _build_pointbert(config: ModelConfig) -> PointBERT:
    return PointBERT(SCALINGS[config.scaling], config.in_channel, config.out_channel)


POINT_ENCODERS = {"PointBERT": _build_pointbert}


def check_model_name(name: str) -> None:
    """Raises ConfigError, with the list of what exists, for an encoder that does not."""
    if name not in POINT_ENCODERS:
        raise ConfigError(f"model.name={name!r} does not exist here; there is: {', '.join(POINT_ENCODERS)}")


def build_point_encoder(config: ModelConfig) -> PointBERT:
    """The point encoder of section `model`, with random weights."""
    check_model_name(config.name)
    return POINT_ENCODERS[config.name](config)
