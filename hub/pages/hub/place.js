// Where this page is: beside the other pages of `polysocket dev`, or alone on the listener of its protocol.

async function ask() {
  const answer = await fetch('/pages/hub/place.json');
  if (!answer.ok) throw new Error(`/pages/hub/place.json answered ${answer.status}`);
  return answer.json();
}

/**
 * `{ pages, scripts, rocket }`: paths of the pages that are here, of the scripts that carry WebSockets, of Rocket's hubs.
 * `pogo` is `{ path, api }`, `api` the path of the API behind it if that is here; `postgres` is `{ path, wire, listen_channel }`.
 */
export const place = await ask().catch((error) => {
  document.getElementById('trouble').textContent = `The server does not say what it has: ${error.message}. Is it still running?`;
  throw error;
});

/** The WebSocket URL of a path on this server. */
export const socketUrl = (path) => `${location.origin.replace(/^http/, 'ws')}${path}`;

/** Takes links to pages that are not here out of the page's head. */
export function showLinks() {
  for (const link of document.querySelectorAll('.top a')) {
    const path = new URL(link.href).pathname;
    if (place.pages.includes(path)) continue;
    if (link.className === 'brand') link.removeAttribute('href');
    else link.remove();
  }
}

const load = (path) =>
  new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = path;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${path} was not loaded`));
    document.head.append(script);
  });

/** Loads the client, where there is one. Without it the browser's own WebSocket is left. */
export async function loadClient() {
  try {
    await Promise.all(place.scripts.map(load));
  } catch (error) {
    document.getElementById('trouble').textContent = `${error.message}, so that only the browser’s own WebSocket is to be had.`;
  }
}
