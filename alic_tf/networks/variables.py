"""Names of a model's variables that follow from its attributes, whatever Keras calls its layers."""

import collections
import re

import keras

# Attributes in which Keras lists what others name; those of TensorFlow begin with "_self_".
_OF_EVERY_LAYER = {*vars(keras.layers.Layer()), *vars(keras.Model())}


def named_variables(model):
    """{name: variable} of what is stored of a built model, in the order of `model.variables`.

    A name is the path of attributes that leads to a variable, such as
    "transform/analysis/trunk/residual_downsampling_1/shortcut/kernel". In a list, a layer goes by
    the name that it was given, or by its class and a number, so that others may come to be there.
    The states of random generators are not stored.

    Raises:
        ValueError: a variable is no attribute of any layer, or two have one name.
    """
    stored = [v for v in model.variables if not v.path.endswith("seed_generator_state")]
    names = {}
    _walk(model, "", names, set())
    if missing := [v.path for v in stored if id(v) not in names]:
        raise ValueError(f"no attribute leads to {missing[0]}")
    named = {names[id(v)]: v for v in stored}
    if len(named) < len(stored):
        raise ValueError("two layers of a list have the same name")
    return named


def _walk(owner, path, names, seen):
    """Notes the first path to each variable below an owner: {id: name}."""
    if isinstance(owner, keras.Variable):
        names.setdefault(id(owner), path)
    elif isinstance(owner, (keras.layers.Layer, list, tuple, dict)) and id(owner) not in seen:
        seen.add(id(owner))
        for name, part in _parts(owner):
            _walk(part, f"{path}/{name}".lstrip("/"), names, seen)


def _parts(owner):
    """Pairs of a name and a part of a layer, list or dictionary."""
    if isinstance(owner, dict):
        yield from owner.items()
    elif isinstance(owner, keras.layers.Layer):
        for name, part in vars(owner).items():
            if name not in _OF_EVERY_LAYER and not name.startswith("_self_"):
                yield name.lstrip("_"), part
    else:
        counts = collections.Counter()
        for place, part in enumerate(owner):
            if not isinstance(part, keras.layers.Layer):
                yield place, part
                continue
            # Where no name is given, Keras makes one of the class, with a number.
            kind = re.sub(r"_\d+$", "", part.name)
            given = kind.replace("_", "") != type(part).__name__.lower()
            yield part.name if given else f"{kind}_{counts[kind]}", part
            counts[kind] += 1
