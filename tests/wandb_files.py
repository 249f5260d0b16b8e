"""What wandb recorded: its file is a LevelDB log of protobuf records."""

import json
import struct
from pathlib import Path
from typing import Any

_BLOCK, _HEADER, _FULL, _LAST = 32768, 7, 1, 4


def read_records(path: Path) -> list[Any]:
    from wandb.proto import wandb_internal_pb2

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    records, pieces, position = [], b"", _HEADER
    while position + _HEADER <= len(content):
        if _BLOCK - position % _BLOCK < _HEADER:
            position += _BLOCK - position % _BLOCK
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        position += _HEADER
        pieces += content[position : position + length]
        position += length
        if kind in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(pieces)
            records.append(record)
            pieces = b""
    return records


def recorded(run: Path) -> tuple[Any, list[dict[str, float]], list[Any]]:
    """The offline run in a run folder: its description, its history, its metric definitions."""
    (path,) = (run / "wandb").glob("offline-run-*/run-*.wandb")
    records = read_records(path)
    (description,) = [record.run for record in records if record.HasField("run")]
    history = [
        {"".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    return description, history, [record.metric for record in records if record.HasField("metric")]
