// A virus scanner, or nginx in its default setting: an answer of unknown length is held back until it has ended.

export const bufferStreams = () => ({
  async request(exchange, _next, { counts }) {
    const answer = await exchange.deliver();
    if (answer.isStream) {
      counts.add('streams held');
      await answer.hold();
      counts.add('streams let go');
    }
    await exchange.pass(answer);
  },
});
