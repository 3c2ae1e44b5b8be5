// Middleboxes that let the handshake of a WebSocket pass, and then break it.

/** After the handshake no byte passes, either way, and nothing is closed. */
export const mute = () => ({
  async tunnel(tunnel, _next, { counts }) {
    counts.add('tunnels muted');
    await tunnel.swallow();
  },
});

/** Every WebSocket is cut, by a reset on both sides, so long after its handshake. */
export const cutAfter = (ms) => ({
  async tunnel(tunnel, next, { counts }) {
    const timer = setTimeout(() => {
      counts.add('tunnels cut');
      tunnel.cut();
    }, ms);
    await next();
    clearTimeout(timer);
  },
});
