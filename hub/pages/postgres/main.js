// The bridge to PostgreSQL: two clients in one channel.

import { enableCopying } from '../hub/copy.js';
import { loadClient, place, showLinks, socketUrl } from '../hub/place.js';
import { firstWays } from '../hub/ways.js';
import { opening } from './bridge.js';
import { PostgresPane } from './pane.js';
import { hint, snippet, statements } from './sql.js';
import { describe, sign, tokenIn } from './token.js';

const get = (id) => document.getElementById(id);

function settings() {
  return { url: get('url').value.trim(), channel: get('channel').value.trim(), token: tokenIn(get('token').value), by: get('token-in').value };
}

function showLines() {
  const { url, channel, token } = settings();
  get('claims').textContent = describe(token, Date.now());
  get('sql').textContent = statements(channel, place.postgres);
  get('snippet').textContent = snippet(opening({ url, channel, token: '…', by: 'protocol' }).url);
}

function listenToSigning() {
  get('sign').addEventListener('submit', async (event) => {
    event.preventDefault();
    get('sign-error').textContent = '';
    const seconds = Number(get('sign-seconds').value);
    const channels = get('sign-channels').value.split(',').map((name) => name.trim()).filter(Boolean);
    const claims = {
      mode: get('sign-mode').value,
      ...(channels.length && { channels }),
      ...(seconds && { exp: Math.floor(Date.now() / 1000) + seconds }),
    };
    try {
      get('token').value = await sign(claims, get('secret').value);
      showLines();
    } catch (error) {
      get('sign-error').textContent = `That could not be signed: ${error.message}`;
    }
  });
}

showLinks();
enableCopying();
await loadClient();

get('url').value = socketUrl(place.postgres.path);
get('sql-hint').textContent = hint(place.postgres);
// What follows `#` goes to no server, and so is in none of their logs; nor shall it be in the browser's history.
get('token').value = decodeURIComponent(location.hash.slice(1));
if (location.hash) history.replaceState(null, '', location.pathname);
const ways = firstWays();
const panes = ['Left', 'Right'].map((name, index) => new PostgresPane(get('pane'), { name, way: ways[index], settings }));
get('panes').append(...panes.map((pane) => pane.element));

const connect = () => {
  showLines();
  for (const pane of panes) pane.connect();
};
get('settings').addEventListener('input', showLines);
get('settings').addEventListener('submit', (event) => {
  event.preventDefault();
  connect();
});
listenToSigning();
showLines();
if (settings().token) connect();
