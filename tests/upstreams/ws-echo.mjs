// An echo server on npm `ws`, with its defaults where they matter to a relay: compression is offered,
// so that a client that cannot take it must refuse it cleanly.
import { WebSocketServer } from "ws";

const KNOWN = ["chat", "superchat"];

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: true,
  handleProtocols: (offered) => [...offered].find((name) => KNOWN.includes(name)) ?? false,
});

server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    const close = isBinary ? null : /^close (\d+) (.*)$/s.exec(data.toString());
    if (close) {
      socket.close(Number(close[1]), close[2]);
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
  // A broken client ends its own connection only.
  socket.on("error", (error) => console.error(String(error)));
});

server.on("listening", () => console.log(`port ${server.address().port}`));
