// Middleboxes that do not let WebSockets through, each in its way.

/** The upgrade is answered with this status. */
export const answerUpgrade = (status, reason) => ({
  async upgrade(exchange, _next, { counts }) {
    counts.add('upgrades refused');
    await exchange.reply(status, reason);
  },
});

/** The upgrade is never answered. */
export const hangUpgrade = () => ({
  async upgrade(exchange, _next, { counts }) {
    counts.add('upgrades swallowed');
    await exchange.clientGone();
  },
});

/** The upgrade is answered with a reset of its connection. */
export const resetUpgrade = () => ({
  async upgrade(exchange, _next, { counts }) {
    counts.add('upgrades reset');
    exchange.cut({ byReset: true });
  },
});
