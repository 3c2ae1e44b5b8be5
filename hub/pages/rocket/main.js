// Rocket: two clients in one channel.

import { enableCopying } from '../hub/copy.js';
import { loadClient, place, showLinks, socketUrl } from '../hub/place.js';
import { firstWays } from '../hub/ways.js';
import { RocketPane } from './pane.js';

const get = (id) => document.getElementById(id);

function settings() {
  return { url: get('url').value.trim(), user: get('user').value, secret: get('secret').value, channel: get('channel').value };
}

function showSnippet() {
  const { url, user, channel } = settings();
  get('snippet').textContent = `const ws = new WebSocket(${JSON.stringify(url)});
const say = (action, fields) => ws.send(JSON.stringify({ [action]: fields }));
ws.onopen = () => say('authenticate', { user: ${JSON.stringify(user)}, secret: '…' });
ws.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.authenticated) say('subscribe', { channel: ${JSON.stringify(channel)} });
  else if (frame.subscribed) say('broadcast', { event: 'hello', channel: ${JSON.stringify(channel)}, data: { text: 'hi' } });
  else if (frame.event) console.log(frame.event, frame.data);
  else if (frame.err) console.error(frame.err);
};`;
}

showLinks();
enableCopying();
await loadClient();

get('url').value = socketUrl(place.rocket[0] ?? '/');
get('urls').append(...place.rocket.map((path) => new Option('', socketUrl(path))));
const ways = firstWays();
const panes = ['Left', 'Right'].map((name, index) => new RocketPane(get('pane'), { name, way: ways[index], settings }));
get('panes').append(...panes.map((pane) => pane.element));

const connect = () => {
  showSnippet();
  for (const pane of panes) pane.connect();
};
get('settings').addEventListener('submit', (event) => {
  event.preventDefault();
  connect();
});
connect();
