"""Names of a model's variables that follow from its attributes, whatever Keras calls its layers."""

import keras

# Attributes in which Keras lists what others name; those of TensorFlow begin with "_self_".
_OF_EVERY_LAYER = {*vars(keras.layers.Layer()), *vars(keras.Model())}


def named_variables(model):
    """{name: variable} of what is stored of a built model, in the order of `model.variables`.

    A name is the path of attributes and of places in lists that leads to a variable, such as
    "transform/analysis/0/kernel". The states of random generators are not stored.

    Raises:
        ValueError: a variable is no attribute of any layer.
    """
    stored = [v for v in model.variables if not v.path.endswith("seed_generator_state")]
    names = {}
    _walk(model, "", names, set())
    if missing := [v.path for v in stored if id(v) not in names]:
        raise ValueError(f"no attribute leads to {missing[0]}")
    return {names[id(v)]: v for v in stored}


def _walk(owner, path, names, seen):
    """Notes the first path to each variable below an owner: {id: name}."""
    if isinstance(owner, keras.Variable):
        names.setdefault(id(owner), path)
    elif isinstance(owner, (keras.layers.Layer, list, tuple, dict)) and id(owner) not in seen:
        seen.add(id(owner))
        if isinstance(owner, keras.layers.Layer):
            owner = {name.lstrip("_"): part for name, part in vars(owner).items()
                     if name not in _OF_EVERY_LAYER and not name.startswith("_self_")}
        elif not isinstance(owner, dict):
            owner = dict(enumerate(owner))
        for name, part in owner.items():
            _walk(part, f"{path}/{name}".lstrip("/"), names, seen)
