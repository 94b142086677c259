"""Run by test_stock in a process of its own: everything it does, it does with TensorFlow alone.

Arguments: the SavedModel, an .alic file, a folder for what is decoded. Prints the operations
that TensorFlow does not know, if any.
"""

import sys
from pathlib import Path


class Refuser:
    """Refuses to import what a stock server does not have."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("alic_tf", "tensorflow_compression_ops"):
            raise ImportError(f"{name} is not for this process")


def unknown_operations(saved):
    """Names of the operations of a SavedModel that TensorFlow does not know; none is Python."""
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    model = saved_model_pb2.SavedModel.FromString(Path(saved, "saved_model.pb").read_bytes())
    graph = model.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    functions = {function.signature.name for function in graph.library.function}
    assert not {"PyFunc", "EagerPyFunc", "PyFuncStateless"} & {node.op for node in nodes}
    assert not any("_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b
                   for node in nodes)
    return sorted({node.op for node in nodes if op_def_registry.get(node.op) is None} - functions)


def main(saved, source, folder):
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.tools import saved_model_cli

    print(unknown_operations(saved))
    data = tf.constant([Path(source).read_bytes()])
    latents = tf.saved_model.load(saved).signatures["latents"](alic_bytes=data)
    np.savez(Path(folder, "latents.npz"), **latents)

    # Like a server, this loads the graph into a session.
    def command_line(command):
        sys.argv = ["saved_model_cli", *command.split(), "--dir", saved]
        try:
            saved_model_cli.main()
        except SystemExit as end:
            assert not end.code

    command_line("show --all")
    np.save(Path(folder, "files.npy"), data.numpy())
    command_line("run --tag_set serve --signature_def serving_default "
                 f"--inputs alic_bytes={folder}/files.npy --outdir {folder}")
    png, = np.load(Path(folder, "png_bytes.npy"), allow_pickle=True)
    np.save(Path(folder, "pictures.npy"), np.array([png, b"no picture"], object))
    np.save(Path(folder, "qualities.npy"), np.float32([4, 4]))
    command_line("run --tag_set serve --signature_def encode "
                 f"--inputs image_bytes={folder}/pictures.npy;quality={folder}/qualities.npy "
                 f"--outdir {folder}/encoded")


if __name__ == "__main__":
    sys.meta_path.insert(0, Refuser())
    main(*sys.argv[1:])
