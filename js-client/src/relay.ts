/** `relay`: a WebSocket to the relay, both ways. */

import { fromBuffer, toBuffer } from './bytes';
import { NativeWebSocket } from './engine';
import { ACK, START, frame, frameReader, leb } from './frames';
import { Link, Receiver } from './receive';

export function relay(link: Link): Receiver {
  const core = link.core;
  const socket = new NativeWebSocket(link.url('w'));
  const read = frameReader(link);
  /** The number of the next unit; 0 before there is a way for it, and -1 when the relay has still to be told where it begins. */
  let cursor = 0;
  let acked = core.received;

  function pump() {
    let frames = '';
    let unit;
    if (!cursor) return;
    // Perhaps an earlier request had brought more than the window.
    if (cursor < core.first) frames = frame(START, leb((cursor = core.first)));
    while (cursor - core.first < link.window && (unit = core.frame(cursor))) {
      frames += unit;
      cursor++;
    }
    if (core.received > acked) frames += frame(ACK, leb((acked = core.received)));
    if (frames) socket.send(toBuffer(frames));
  }

  socket.binaryType = 'arraybuffer';
  socket.onopen = function () {
    cursor = -1;
    pump();
  };
  socket.onmessage = function (event: any) {
    read(fromBuffer(event.data));
    pump();
  };
  socket.onerror = socket.onclose = function () {
    link.failed();
  };
  function stop() {
    cursor = 0;
    socket.close();
  }
  stop.pump = pump;
  return stop;
}
