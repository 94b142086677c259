"""The order of the tests."""

from pathlib import Path

TRAINING = Path(__file__).parent / "training"


def pytest_collection_modifyitems(items):
    """Trainings, the slowest, first: at the end, no processor shall wait long for another."""
    items.sort(key=lambda item: TRAINING not in item.path.parents)
