// Gockets: a channel, and two who listen to it.

import { enableCopying } from '../hub/copy.js';
import { loadClient, showLinks } from '../hub/place.js';
import { firstWays } from '../hub/ways.js';
import { curlLines } from './curl.js';
import { HookView } from './hook.js';
import { GocketsPane } from './pane.js';
import { admin, edit, prepare, remove, show } from './rest.js';

/** How often it is asked how the hook stands, and how many listen, ms. */
const REFRESH_MS = 2000;

const get = (id) => document.getElementById(id);

let channel = null;
let isBusy = false;

function wanted() {
  const events = ['connect', 'disconnect', 'empty'].filter((name) => get(`on-${name}`).checked);
  return { hook: get('hook').value.trim(), tag: get('tag').value.trim(), events };
}

/** What is asked of it with `does`; errors are shown. */
async function trying(does) {
  // One after the other. No button is disabled meanwhile: it would lose the focus.
  if (isBusy) return;
  isBusy = true;
  admin.token = get('token').value;
  get('error').textContent = '';
  try {
    await does();
  } catch (error) {
    get('error').textContent = error.message;
  } finally {
    isBusy = false;
  }
}

function showButtons() {
  get('edit').disabled = get('delete').disabled = !channel;
}

function showListeners({ listeners }) {
  get('listeners').textContent = listeners;
}

function use(next, secret) {
  channel = next;
  get('channel').hidden = !channel;
  get('publisher').textContent = channel?.publisher_key ?? '';
  get('subscriber').textContent = channel?.subscriber_key ?? '';
  get('secret-line').hidden = !secret;
  get('secret').textContent = secret ?? '';
  get('curl').textContent = curlLines(location.origin, channel, Boolean(admin.token));
  if (channel) showListeners(channel);
  hook.channel = channel;
  for (const pane of panes) pane.channel = channel;
  showButtons();
}

async function refresh() {
  if (!channel || document.hidden) return;
  const mine = channel;
  hook.refresh();
  const now = await show(mine.publisher_key).catch(() => null);
  if (mine === channel && now) showListeners(now);
}

function listenToSettings() {
  get('settings').addEventListener('submit', (event) => {
    event.preventDefault();
    trying(async () => {
      const made = await prepare({ ...wanted(), isSigned: get('signed').checked });
      use(made, made.hook_secret);
    });
  });
  get('edit').addEventListener('click', () =>
    trying(async () => use(await edit(channel.publisher_key, wanted()), get('secret').textContent)),
  );
  get('delete').addEventListener('click', () =>
    trying(async () => {
      await remove(channel.publisher_key);
      get('prepare').focus();
      use(null);
    }),
  );
}

showLinks();
enableCopying();
await loadClient();

const ways = firstWays();
const hook = new HookView();
const panes = ['Left', 'Right'].map((name, index) => new GocketsPane(get('pane'), { name, way: ways[index], published: refresh }));
get('panes').append(...panes.map((pane) => pane.element));
listenToSettings();
use(null);
setInterval(refresh, REFRESH_MS);
document.addEventListener('visibilitychange', refresh);
