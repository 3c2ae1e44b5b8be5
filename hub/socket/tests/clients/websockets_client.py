"""What `websockets` on Python finds when it talks to the echo server of these tests: websockets_client.py URL.

Prints `ok` when all is as it should be."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def closed(socket):
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as end:
        return end.rcvd.code, end.rcvd.reason


async def main(url):
    async with connect(url, ping_interval=None) as socket:
        assert not socket.protocol.extensions
        for message in ["hello", "", "κόσμε 😀" * 20000, b"", b"\x07" * (1 << 20)]:
            await socket.send(message)
            assert await socket.recv() == message
        # An iterable is sent in fragments.
        await socket.send(["in ", "frag", "", "ments"])
        assert await socket.recv() == "in fragments"
        await (await socket.ping(b"p"))
        await asyncio.gather(*(socket.send(str(i)) for i in range(1000)))
        assert [await socket.recv() for _ in range(1000)] == [str(i) for i in range(1000)]
        await socket.close(4001, "client says so")
        assert (socket.close_code, socket.close_reason) == (4001, "client says so")

    async with connect(url) as socket:
        await socket.send("close 4002 server says so: ü")
        assert await closed(socket) == (4002, "server says so: ü")

    async with connect(url) as socket:
        await socket.send(b"x" * ((1 << 20) + 1))
        assert await closed(socket) == (1009, "the message is too long")
    print("ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
