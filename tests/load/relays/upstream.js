'use strict';

const WebSocket = require('ws');

// The `ws` client of one session. What the page sends before the target has
// answered the handshake waits here, as neither engine.io nor sockjs holds it.
function openUpstream(url, onMessage, onClose) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  let waiting = [];
  socket.on('open', () => {
    for (const text of waiting) socket.send(text);
    waiting = null;
  });
  socket.on('message', (data, isBinary) => onMessage(isBinary ? data : data.toString('utf8')));
  socket.on('error', () => {}); // 'close' follows it
  socket.on('close', onClose);
  return {
    send(text) {
      if (waiting) waiting.push(text);
      else socket.send(text);
    },
    close() {
      socket.close();
    },
  };
}

module.exports = { openUpstream };
