"""The web server of a listening test: pages, media, answers, and a page of progress.

    GET  /                  the listener's page (files of `site/`, sent from memory)
    GET  /media/NAME        picture and sounds by opaque name, with ranges
    GET  /api/test          words and scale
    POST /api/start         a listener agrees and begins -> the secret of their personal link
    GET  /api/session       what this listener is given and where they stand
    POST /api/record        a message: answer, page done, headphone check, ... (stored before it is
                            acknowledged)
    GET  /admin             progress, behind the password
    GET  /admin/counts      its figures

FastAPI and uvicorn come with the extra `listen` and are imported when a server is made.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.errors import MissingDependency, UsageError
from seehear.listen import limits
from seehear.listen.config import ListeningTest, read_test
from seehear.listen.limits import Buckets, limited_body
from seehear.listen.mediatable import MediaTable
from seehear.listen.messages import read_record, read_start
from seehear.listen.options import ServeOptions
from seehear.listen.refusals import RefusalError
from seehear.listen.security import HEADERS, bearer_token, check_password, device_class
from seehear.listen.session import message_of, plan_for, public_view, session_view
from seehear.listen.store import FILE_NAME, Participant, Store

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Handler = Callable[[Request], Awaitable[Response]]

SITE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
CONNECTIONS = 1000


def serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Serve a test until stopped by Ctrl-C or a signal.

    Args:
        options: test, address, password.
        say: told the addresses once the server can be reached.

    Raises:
        InputError: the folder is no test, media are missing, or answers cannot be stored.
        UsageError: the address cannot be listened on.
        MissingDependency: FastAPI or uvicorn is not installed.
    """
    test = read_test(options.test)
    password = options.password or secrets.token_urlsafe(12)
    store = Store(options.test / FILE_NAME)
    try:
        app = make_app(test, options.test, store, password)
        listener = listen_on(options.host, options.port)
        place = address_of(listener, options.host)
        say(f"listening test: {place}/")
        say(f"progress: {place}/admin" + ("" if options.password else f" (password: {password})"))
        if options.host not in LOOPBACK and not options.quiet:
            say(
                "the connection is not encrypted; put a proxy with HTTPS before it on open networks"
            )
        # Ctrl-C is the usual way to end it; every acknowledged answer is on disk.
        with contextlib.suppress(KeyboardInterrupt):
            make_server(app).run(sockets=[listener])
    finally:
        store.close()


def make_server(app: ASGIApp) -> Any:
    """A uvicorn server that writes nothing to the console."""
    uvicorn = imported("uvicorn")
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
    )


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: the address is wrong or taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on {host} port {port} ({error}); choose another --host or --port"
        ) from error


def address_of(listener: socket.socket, host: str) -> str:
    """What to type into a browser."""
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_app(test: ListeningTest, folder: Path, store: Store, password: str) -> FastAPI:
    """The application of one test.

    Args:
        test: what is asked.
        folder: of the test.
        store: where answers go.
        password: of the page of progress.
    """
    fastapi = imported("fastapi")
    # No generated pages: they would load scripts from elsewhere.
    app: FastAPI = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    desk = Desk(test, MediaTable(test, folder, store.digest), store, password)
    for path, handler, method in desk.routes():
        app.add_route(path, desk.guarded(handler), methods=[method])
    app.add_exception_handler(404, desk.unknown)
    app.add_exception_handler(405, desk.unknown)
    app.add_middleware(SafeHeaders)
    return app


class Desk:
    """Answers requests; one for each server.

    Args:
        test: what is asked.
        media: files by opaque name.
        store: where answers go.
        password: of the page of progress.
    """

    def __init__(self, test: ListeningTest, media: MediaTable, store: Store, password: str) -> None:
        self.test = test
        self.media = media
        self.store = store
        self.password = password
        self.site = read_site()
        self.requests = Buckets(limits.REQUESTS)
        self.starts = Buckets(limits.STARTS)
        self.messages = Buckets(limits.MESSAGES)
        self.wrong_tokens = Buckets(limits.WRONG_TOKENS)
        self.wrong_passwords = Buckets(limits.WRONG_PASSWORDS)

    def routes(self) -> list[tuple[str, Handler, str]]:
        """Path, handler and method of everything that is answered."""
        return [
            ("/", self.index, "GET"),
            ("/site/{name}", self.site_file, "GET"),
            ("/media/{name}", self.media_file, "GET"),
            ("/api/test", self.about, "GET"),
            ("/api/start", self.start, "POST"),
            ("/api/session", self.session, "GET"),
            ("/api/record", self.record, "POST"),
            ("/admin", self.admin, "GET"),
            ("/admin/counts", self.counts, "GET"),
        ]

    def guarded(self, handler: Handler) -> Handler:
        """Count the request, and turn refusals into answers."""

        async def answer(request: Request) -> Response:
            try:
                self.requests.take(client(request))
                return await handler(request)
            except RefusalError as refusal:
                return json_response({"error": refusal.sentence}, refusal.status, refusal.headers)
            except sqlite3.Error:
                # A full disk, for instance. The page keeps the answer and tries again.
                return json_response({"error": "answers cannot be stored now"}, 503)

        return answer

    async def unknown(self, request: Request, error: Exception) -> Response:
        """Nothing is at this address, or not for this method."""
        return json_response({"error": "there is nothing here"}, getattr(error, "status_code", 404))

    async def index(self, request: Request) -> Response:
        """The listener's page."""
        return self.page("index.html")

    async def site_file(self, request: Request) -> Response:
        """A script, style or picture of the pages."""
        return self.page(request.path_params["name"])

    def page(self, name: str) -> Response:
        """A file that was read when the server began."""
        from starlette.responses import Response

        if name not in self.site:
            raise RefusalError(404, "there is nothing here")
        content, kind = self.site[name]
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def media_file(self, request: Request) -> Response:
        """A picture or a sound, whole or in ranges."""
        from starlette.responses import FileResponse

        found = self.media.find(request.path_params["name"])
        if found is None:
            raise RefusalError(404, "there is nothing here")
        cached = {"Cache-Control": "private, max-age=86400, immutable"}
        return FileResponse(found.path, media_type=found.type, headers=cached)

    async def about(self, request: Request) -> Response:
        """Words and scale of the test."""
        return json_response(public_view(self.test))

    async def start(self, request: Request) -> Response:
        """A listener agrees and begins."""
        from starlette.concurrency import run_in_threadpool

        self.starts.take(client(request))
        start_id = read_start(await body_of(request))
        device = device_class(request.headers.get("user-agent", ""))
        token, who = await run_in_threadpool(
            self.store.start, start_id, device, lambda number: plan_for(self.test, number)
        )
        return json_response({"token": token, "number": who.number})

    async def session(self, request: Request) -> Response:
        """What this listener is given and where they stand."""
        from starlette.concurrency import run_in_threadpool

        _, who = await self.listener(request)
        progress = await run_in_threadpool(self.store.progress, who)
        return json_response(session_view(self.test, self.media, who, progress))

    async def record(self, request: Request) -> Response:
        """Store a message; the answer is sent when it is on disk."""
        from starlette.concurrency import run_in_threadpool

        token, who = await self.listener(request)
        self.messages.take(token)
        message = message_of(self.test, who, read_record(await body_of(request)))
        new = await run_in_threadpool(self.store.keep, who, message)
        return json_response({"stored": True, "new": new})

    async def listener(self, request: Request) -> tuple[str, Participant]:
        """Who is asking.

        Raises:
            RefusalError: 401, nobody we know; 429 after many wrong secrets.
        """
        from starlette.concurrency import run_in_threadpool

        self.wrong_tokens.check(client(request))
        try:
            token = bearer_token(request.headers.get("authorization", ""))
            who = await run_in_threadpool(self.store.participant, token)
            if who is None:
                raise RefusalError(401, "this personal link belongs to no listener of this test")
        except RefusalError:
            self.wrong_tokens.take(client(request))
            raise
        return token, who

    async def admin(self, request: Request) -> Response:
        """The page of progress."""
        self.allow(request)
        return self.page("admin.html")

    async def counts(self, request: Request) -> Response:
        """Figures of the page of progress."""
        from starlette.concurrency import run_in_threadpool

        self.allow(request)
        overview = await run_in_threadpool(self.store.overview)
        length = len(plan_for(self.test, 0))
        for person in overview["participants"]:
            person["of"] = length
        return json_response({"title": self.test.title, "now": time.time(), **overview})

    def allow(self, request: Request) -> None:
        """Let in who knows the password; slow down who guesses."""
        address = client(request)
        self.wrong_passwords.check(address)
        header = request.headers.get("authorization", "")
        try:
            check_password(header, self.password)
        except RefusalError:
            if header:  # a browser first asks without one
                self.wrong_passwords.take(address)
            raise


class SafeHeaders:
    """Adds the headers of `security.py` to every answer, whoever made it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                made = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *made]
            await send(message)

        await self.app(scope, receive, safe)


def read_site() -> dict[str, tuple[bytes, str]]:
    """Files of the pages by name, with their media types."""
    folder = resources.files("seehear.listen") / "site"
    return {
        file.name: (file.read_bytes(), SITE_TYPES[Path(file.name).suffix])
        for file in folder.iterdir()
        if Path(file.name).suffix in SITE_TYPES
    }


def client(request: Request) -> str:
    """Address that a request comes from."""
    return request.client.host if request.client else ""


async def body_of(request: Request) -> bytes:
    """The message of a request, if it is JSON and small.

    Raises:
        RefusalError: 415, 413 or 408.
    """
    # Browsers send JSON to other sites only after asking, which this server never allows.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusalError(415, "expected JSON")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:12]) > limits.BODY_BYTES:
        raise RefusalError(413, f"a message has at most {limits.BODY_BYTES} bytes")
    return await limited_body(request.stream())


def json_response(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that nobody keeps."""
    from starlette.responses import Response

    return Response(
        json.dumps(content, ensure_ascii=False, allow_nan=False),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def imported(package: str) -> Any:
    """FastAPI or uvicorn.

    Raises:
        MissingDependency: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingDependency(package, "listen", "serving a listening test") from error
