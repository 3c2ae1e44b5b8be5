// A filter that takes no large uploads: a longer body is refused, politely or by a reset, and never delivered.

export const smallBodies = ({ maxBytes, byReset = false }) => ({
  async request(exchange, next, { counts }) {
    if (exchange.body.length <= maxBytes) return next();
    counts.add('bodies refused');
    return byReset ? exchange.cut({ byReset }) : exchange.reply(413, 'Content Too Large');
  },
});
