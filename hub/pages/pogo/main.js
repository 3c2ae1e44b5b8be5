// Pogo: two clients, bound to one path of an API.

import { enableCopying } from '../hub/copy.js';
import { loadClient, place, showLinks, socketUrl } from '../hub/place.js';
import { firstWays } from '../hub/ways.js';
import { Behind } from './behind.js';
import { PogoPane } from './pane.js';
import { curlLines, snippet } from './shell.js';

const get = (id) => document.getElementById(id);

function settings() {
  const [url, path, channel] = ['url', 'path', 'channel'].map((id) => get(id).value.trim());
  return { url, path: path.startsWith('/') ? path : `/${path}`, channel, token: get('token').value };
}

function showLines() {
  const { url, path, token } = settings();
  get('snippet').textContent = snippet(url, path);
  const api = place.pogo.api === null ? undefined : `${location.origin}${place.pogo.api}`;
  get('curl').textContent = curlLines({ url, path, withToken: Boolean(token), api });
}

showLinks();
enableCopying();
await loadClient();

get('url').value = socketUrl(place.pogo.path);
const behind = place.pogo.api === null ? null : new Behind(place.pogo.api);
const ways = firstWays();
const seen = (name) => behind?.seen(name);
const panes = ['Left', 'Right'].map((name, index) => new PogoPane(get('pane'), { name, way: ways[index], settings, seen }));
get('panes').append(...panes.map((pane) => pane.element));

const connect = () => {
  showLines();
  for (const pane of panes) pane.connect();
};
get('settings').addEventListener('submit', (event) => {
  event.preventDefault();
  get('behind-path').value = settings().path;
  connect();
});
connect();
