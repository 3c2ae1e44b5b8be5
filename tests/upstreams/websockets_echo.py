"""An echo server on PyPI `websockets`, with its defaults where they matter to a relay."""

import asyncio
import re

from websockets.asyncio.server import serve

CLOSE = re.compile(r"close (\d+) (.*)", re.DOTALL)


async def echo(socket):
    async for message in socket:
        close = CLOSE.fullmatch(message) if isinstance(message, str) else None
        if close:
            await socket.close(int(close[1]), close[2])
        else:
            await socket.send(message)


def choose(_socket, offered):
    return next((name for name in offered if name in ("chat", "superchat")), None)


async def main():
    async with serve(
        echo, "127.0.0.1", 0, subprotocols=["chat", "superchat"], select_subprotocol=choose, max_size=None
    ) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
