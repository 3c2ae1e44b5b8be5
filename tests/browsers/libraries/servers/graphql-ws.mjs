import { GraphQLError, GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { startServer } from './server.mjs';

const text = { text: { type: new GraphQLNonNull(GraphQLString) } };

function schema(seen) {
  async function* count(_root, { to }) {
    for (let n = 1; n <= to; n += 1) yield { count: n };
  }
  async function* forever() {
    try {
      for (let n = 0; ; n += 1) {
        yield { forever: n };
        await new Promise(setImmediate);
      }
    } finally {
      seen.emit('cancelled');
    }
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({
      name: 'Query',
      fields: {
        hello: { type: GraphQLString, resolve: () => 'world' },
        failing: {
          type: GraphQLString,
          resolve: () => {
            throw new GraphQLError('on purpose');
          },
        },
        echo: { type: GraphQLString, args: text, resolve: (_root, given) => given.text },
        length: { type: GraphQLInt, args: text, resolve: (_root, given) => given.text.length },
      },
    }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        count: { type: GraphQLInt, args: { to: { type: GraphQLInt } }, subscribe: count },
        forever: { type: GraphQLInt, subscribe: forever },
      },
    }),
  });
}

/** Emits `cancelled` when a page has cancelled the subscription that never ends. */
export function start() {
  return startServer({ handleProtocols }, (sockets, seen) => {
    useServer({ schema: schema(seen), onConnect: ({ connectionParams }) => connectionParams.token === 'right' }, sockets);
  });
}
