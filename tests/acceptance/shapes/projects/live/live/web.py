"""An ASGI app: a page that says who asks, and a WebSocket that answers what it is told."""

import os


async def application(scope, receive, send):
    """Serve one connection."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{message['text']}!"})
    else:
        # Not flushed: it belongs in the journal all the same.
        print("asked for", scope["path"])
        client = scope["client"][0] if scope["client"] else "?"
        text = f"{client} {scope['scheme']} {os.getpid()}"
        headers = [(b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


def create():
    """Return the app."""
    return application
