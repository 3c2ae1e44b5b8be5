"""A conversation with a Rocket hub, by a library that knows nothing of it.

Usage: conversation.py ws://host:port/echo, a hub with the users of the original's example.json.
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

steps = 0


def same(found, expected):
    global steps
    steps += 1
    if found != expected:
        raise SystemExit(f"step {steps}: {found!r}, not {expected!r}")


async def ask(socket, message):
    await socket.send(json.dumps(message))
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def hear(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def main(url):
    async with connect(url) as backend, connect(url, origin="http://page.example") as page:
        # Nothing is said on connecting, and nothing goes without a login.
        same(await ask(page, {"subscribe": {"channel": "news"}}), {"err": "ACCESS_DENIED"})
        same(await ask(page, {"authenticate": {"user": "nobody else", "secret": ""}}), {"err": "INVALID_USER"})
        same(await ask(page, {"authenticate": {"user": "backend", "secret": "?"}}), {"err": "INVALID_CREDENTIALS"})
        same(await ask(page, {"authenticate": {"user": "frontend", "secret": ""}}), {"authenticated": "frontend"})
        same(await ask(backend, {"authenticate": {"user": "backend", "secret": "secret"}}), {"authenticated": "backend"})

        # A channel begins with its first subscriber.
        news = {"event": "headline", "channel": "news", "data": {"text": "Grüße, 🚀", "n": [1, 2.5, None]}}
        same(await ask(backend, {"broadcast": news}), {"err": "INVALID_CHANNEL"})
        same(await ask(page, {"subscribe": {"channel": "news"}}), {"subscribed": "news"})
        same(await ask(backend, {"broadcast": news}), {"broadcasted": "news"})
        same(await hear(page), news)

        # Who is subscribed has its own message after the ack.
        same(await ask(page, {"broadcast": {"event": "reply", "channel": "news"}}), {"broadcasted": "news"})
        same(await hear(page), {"event": "reply", "channel": "news"})

        # Errors leave the connection as it is.
        await page.send("no JSON")
        same(await hear(page), {"err": "INVALID_PAYLOAD"})
        await page.send(b"\x00\x01")
        same(await hear(page), {"err": "INVALID_PAYLOAD"})
        same(await ask(page, {"dance": {}}), {"err": "UNDEFINED_EVENT", "event": "dance"})

        # A message in fragments is one message.
        await page.send(iter(['{"unsub', 'scribe":{"channel":"ne', 'ws"}}']))
        same(await hear(page), {"unsubscribed": "news"})
        same(await ask(backend, {"broadcast": {"event": "unheard", "channel": "news"}}), {"broadcasted": "news"})

        # What was missed, by those who ask.
        seen = await ask(page, {"subscribe": {"channel": "news", "since": None}})
        same(seen["offset"], 3)
        since = {"epoch": seen["epoch"], "offset": 1}
        again = await ask(page, {"subscribe": {"channel": "news", "since": since}})
        same((again["recovered"], again["offset"]), (True, 3))
        same((await hear(page))["offset"], 2)
        same(await hear(page), {"event": "unheard", "channel": "news", "offset": 3})

        # From one to another.
        me = await ask(page, {"authenticate": {"user": "frontend", "secret": "", "token": True}})
        direct = {"event": "psst", "client": me["token"], "data": 1}
        same(await ask(backend, {"direct": direct}), {"directSent": me["token"]})
        same({**await hear(page), "from": 0}, {"event": "psst", "data": 1, "from": 0})

        # The end, in both ways.
        same(await ask(page, {"logout": True}), {"loggedOut": True})
        await page.send(json.dumps({"disconnect": True}))
        try:
            await asyncio.wait_for(page.recv(), 10)
        except ConnectionClosed as closed:
            same((closed.rcvd.code, closed.rcvd.reason), (1000, ""))
        pong = await backend.ping()
        await asyncio.wait_for(pong, 10)
        same(await ask(backend, {"unsubscribe": {"channel": "anything"}}), {"unsubscribed": "anything"})
    print(f"all {steps} steps as documented")


asyncio.run(main(sys.argv[1]))
