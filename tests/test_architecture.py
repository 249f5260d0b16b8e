"""The one import direction: config -> data -> models -> objective -> trainer -> evaluation -> report."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "mixcon3d"

# Each layer may import from itself and from those above it in this list.
LAYERS = [
    ["errors", "torchvision_mend", "launch", "stop_signal", "distributed", "render"],
    ["config", "config_loading", "config_text"],
    ["data", "demo"],
    ["models"],
    ["objective", "optim", "accumulation"],
    ["state"],
    ["training_step", "trainer"],
    ["evaluation"],
    ["run_folder", "console", "checkpoints", "resume", "observers", "wandb_sink"],
    ["report"],
    ["demo_data", "point_knn", "run"],
    ["cli"],
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def unit(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_every_module_has_a_layer():
    assert {unit(path) for path in modules()} == set(LEVEL)


def test_imports_point_in_one_direction():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules()
        for name in imports(path)
        if name.startswith("mixcon3d.") and LEVEL[name.split(".")[1]] > LEVEL[unit(path)]
    ]
    assert wrong == []


def test_only_distributed_imports_torch_distributed():
    importers = {unit(path) for path in modules() for name in imports(path) if name.startswith("torch.distributed")}
    assert importers == {"distributed"}


def test_models_and_objective_know_nothing_of_ranks_and_files():
    for path in [*(PACKAGE / "models").glob("*.py"), PACKAGE / "objective.py"]:
        assert "mixcon3d.distributed" not in imports(path), path


def test_heavy_libraries_are_imported_lazily():
    for path in modules():
        top_level = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert not top_level & {"timm", "open_clip", "torchvision", "wandb"}, path
