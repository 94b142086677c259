"""The page's server: on this machine, for programs on this machine."""

import io
import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

from alic_tf import errors
from alic_tf.bitstream.quality_steps import DEFAULT_QUALITY

ADDRESS = "127.0.0.1"
MAX_BYTES = 32 << 20
# Another name that leads here is one that a foreign page has chosen (DNS rebinding).
HOSTS = (ADDRESS, "localhost")
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/script.js": ("script.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
FILE = "file.alic"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
WHAT = {int: "a whole number", float: "a number"}


class _Refused(Exception):
    """A request is refused: status, and a line that says why."""


class Server(ThreadingHTTPServer):
    """Listens on a port from the beginning; answers when it serves, with one picture in work.

    Args:
        port: 0 for any that is free.

    Attributes:
        folder: of the page's files.
        workshop: `Workshop`, to be set before it serves.
        working: lock of whoever lets it work.

    Raises:
        UsageError: the port cannot be had.
    """

    daemon_threads = True
    folder = Path(__file__).with_name("page")
    workshop = None

    def __init__(self, port):
        self.working = threading.Lock()
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            raise errors.UsageError(f"port {port}: {error.strerror}") from error

    @property
    def url(self):
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request, client_address):
        """Reports what is a defect: that a browser hangs up is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers a request: GET with files, POST with JSON, and both with JSON if it is refused.

    GET /, its script and style; /about, /progress; /result/ID/file.alic, /result/ID/LAYER.png.
    POST /encode?quality=Q&effort=E with an image file; /stop.
    """

    timeout = 60  # seconds that a client may be silent
    server_version, sys_version = "alic", ""

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def _answer(self, find):
        try:
            self._check_asker()
            answer = HTTPStatus.OK, *find(urlsplit(self.path))
        except _Refused as error:
            return self.send_error(*error.args)
        except errors.LimitExceeded as error:
            return self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        except errors.AlicError as error:
            return self.send_error(HTTPStatus.BAD_REQUEST, str(error))
        self._send(*answer)

    def _check_asker(self):
        """Refuses pages from elsewhere: browsers send their names, and those of their servers."""
        host = self.headers.get("Host", "")
        if host.partition(":")[0] not in HOSTS:
            raise _Refused(HTTPStatus.FORBIDDEN, f"this is not the host {host!r}")
        origin = self.headers.get("Origin", f"http://{host}")
        if origin != f"http://{host}":
            raise _Refused(HTTPStatus.FORBIDDEN, f"{origin!r} may not ask")

    def _get(self, url):
        """(type, bytes) of what a path names."""
        if url.path in PAGE:
            name, kind = PAGE[url.path]
            return kind, (self.server.folder / name).read_bytes()
        if url.path == "/about":
            return _json({"bytes": MAX_BYTES, **self.server.workshop.about()})
        if url.path == "/progress":
            return _json(self.server.workshop.progress)
        *folder, name = url.path.split("/")
        result = self.server.workshop.result
        if result and folder == ["", "result", result.id]:
            if name == FILE:
                return "application/octet-stream", result.file
            layer = result.layers.get(name.removesuffix(".png"))
            if layer is not None:
                return "image/png", _png(layer)
        raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page, or no longer")

    def _post(self, url):
        """(type, bytes) of the answer."""
        if url.path == "/stop":
            self.server.workshop.stop()
            return _json({})
        if url.path != "/encode":
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        asked = {"quality": DEFAULT_QUALITY, "effort": 0, **dict(parse_qsl(url.query))}
        quality, effort = _number(asked, "quality", float), _number(asked, "effort", int)
        size = _number(self.headers, "Content-Length", int)
        if not 0 <= size <= MAX_BYTES:
            raise errors.LimitExceeded(f"{size} bytes, but {MAX_BYTES} are the most")
        content = self.rfile.read(size)
        if not self.server.working.acquire(blocking=False):
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "another picture is in work; wait")
        try:
            return _json(self.server.workshop.compare(content, quality, effort))
        finally:
            self.server.working.release()

    def send_error(self, code, message=None, explain=None):
        """Refuses in one line, as the commands do; the page shows it."""
        del explain
        self._send(code, *_json({"error": message or HTTPStatus(code).phrase}))

    def _send(self, status, kind, content):
        self.send_response(status)
        headers = {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Requests are no news."""


def _json(value):
    return "application/json", json.dumps(value).encode()


def _png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", compress_level=1)  # It does not go far.
    return stream.getvalue()


def _number(texts, name, kind):
    """The number, `int` or `float`, of a name in a request."""
    try:
        return kind(texts[name])
    except (TypeError, ValueError):
        raise errors.UsageError(f"{name} must be {WHAT[kind]}, not {texts[name]!r}") from None
