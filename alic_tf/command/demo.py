"""`alic demo`: a page to try the codec on; `alic demo --help` says how."""

from alic_tf import flags
from alic_tf.command import options
from alic_tf.flags import Flag

USAGE = """\
usage: alic demo [--port N] [--model NAME] [--open]

Serves a page, to this machine alone, until control-C: a picture that is dropped there is coded, and
compared with JPEG, WebP and AVIF files of the same size. See docs/demo.md.
"""

FLAGS = (
    Flag("integer", "port", 8765, "N", "port on 127.0.0.1; 0 for any that is free", "",
         (0, 65535), "p"),
    options.MODEL,
    Flag("boolean", "open", False, "", "open the page in the browser, too"),
    flags.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and serves until it is interrupted; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    from alic_tf.command import codecs

    codecs.check_quality(values.model)
    from alic_tf.demo.server import Server

    with Server(values.port) as server:
        # TensorFlow takes seconds to import: not before the port is known to be free.
        from alic_tf.demo.workshop import Workshop

        codec = codecs.encoder(values.model)
        codecs.warm_up(codec, "decoding")
        server.workshop = Workshop(codec)
        print(f"{server.url} (control-C ends it)", flush=True)
        if values.open:
            import webbrowser

            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
