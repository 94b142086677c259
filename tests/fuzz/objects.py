"""JSON objects that nobody wrote: mutations of good ones."""

import copy

VALUES = (
    None, True, False, 0, 1, -1, 3, 2.5, -0.0, 1e400, float("nan"), 2**31, 2**63, 10**30, "", "x",
    "8", "\0", "é" * 40, [], [3], [[1]], [0, -1], ["x"] * 100, {}, {"kind": 1}, {"x": []},
)  # fmt: skip


def mutated(tree, rng):
    """A copy of an object in which something is replaced, removed, added or moved elsewhere."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.geometric(0.6)):
        places = list(_places(tree))
        if not places:
            return tree
        node, key = places[rng.integers(len(places))]
        other_node, other_key = places[rng.integers(len(places))]
        kind = rng.choice(5, p=[0.6, 0.15, 0.1, 0.1, 0.05])
        if kind == 0:
            node[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        elif kind == 1:
            del node[key]
        elif kind == 2:
            node[key] = copy.deepcopy(other_node[other_key])
        elif kind == 3 and isinstance(node, dict):
            node[str(other_key)] = node.pop(key)
        else:
            node[key] = [node[key]]
    return tree


def _places(tree):
    """(container, key) of everything in a nested object."""
    if isinstance(tree, (dict, list)):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])
