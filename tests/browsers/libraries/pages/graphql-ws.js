// graphql-ws: JSON over the subprotocol graphql-transport-ws, many operations on one socket, close codes of its own.

import { createClient } from 'graphql-ws';

const { target } = window.report.query;

/** All values of an operation, or the first `most` of them, after which it is cancelled. */
function values(client, query, most = Infinity) {
  return new Promise((resolve, reject) => {
    const list = [];
    const cancel = client.subscribe({ query }, {
      next: ({ data, errors }) => {
        list.push(errors ? errors[0].message : Object.values(data)[0]);
        if (list.length === most) {
          cancel();
          resolve(list);
        }
      },
      error: (error) => (Array.isArray(error) ? resolve(error.map(({ message }) => message)) : reject(error)),
      complete: () => resolve(list),
    });
  });
}

/** What a server that does not know the page does: closes with 4403. */
function refused() {
  return new Promise((resolve) => {
    const client = createClient({
      url: target,
      connectionParams: { token: 'wrong' },
      retryAttempts: 0,
      on: { closed: ({ code, reason }) => resolve({ code, reason }) },
    });
    values(client, '{ hello }').catch(() => {});
  });
}

async function converse() {
  const closed = [];
  const client = createClient({
    url: target,
    connectionParams: { token: 'right' },
    lazy: false,
    keepAlive: 200,
    on: { closed: ({ code, wasClean }) => closed.push({ code, wasClean }) },
  });
  const hello = await values(client, '{ hello }');
  const failed = await values(client, '{ failing }');
  const wrong = await values(client, '{ nothingOfThatName }');
  const [counted, others, some] = await Promise.all([
    values(client, 'subscription { count(to: 200) }'),
    values(client, 'subscription { count(to: 50) }'),
    values(client, 'subscription { forever }', 3),
  ]);
  const text = await values(client, '{ echo(text: "d\\u00f6ne \\u20ac \\ud83d\\ude00 </script>") }');
  const large = await values(client, `{ length(text: "${'x'.repeat(100_000)}") }`);
  await client.dispose();
  return { hello, failed, wrong, counted, others, some, text, large, closed, refused: await refused() };
}

converse().then(window.report.done, (error) => window.report.failed(error?.stack ?? JSON.stringify(error)));
