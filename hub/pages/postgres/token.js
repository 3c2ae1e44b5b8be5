// Tokens (JWT, RFC 7519): found in what was pasted, read, and signed.

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

function fromBase64url(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** The token in a text that may be an address with one. Without any: the text. */
export const tokenIn = (text) => text.match(/[\w-]+\.[\w-]+\.[\w-]+$/)?.[0] ?? text.trim();

/** The claims of a token, unproved; `null` where it is none. */
export function claimsOf(token) {
  try {
    return JSON.parse(fromBase64url(token.split('.')[1]));
  } catch {
    return null;
  }
}

const MODES = { r: 'to hear', w: 'to say', rw: 'to hear and to say' };

/** What a token says of itself, in a sentence; names of claims are those of the bridge where nothing else is set. */
export function describe(token, now) {
  if (!token) return 'Without a token nothing opens. polysocket dev says one where it begins.';
  const claims = claimsOf(token);
  if (!claims) return 'That is no token: three parts with dots between them, the second in JSON.';
  const lists = [claims.channel, claims.channels, claims.channel_patterns].flat().filter(Boolean);
  const where = lists.length ? `in ${lists.join(', ')}` : 'in whatever channel is named';
  const until = claims.exp ? ` ${claims.exp < now / 1000 ? 'It ended' : 'It ends'} ${new Date(claims.exp * 1000).toLocaleString()}.` : '';
  const what = MODES[claims.mode];
  return `The token ${what ? `allows ${what}` : 'has no mode (r, w or rw) and allows nothing'}, ${where}.${until}`;
}

/** A token that is signed by a shared secret, HS256 (RFC 7515). Throws where the browser cannot do it. */
export async function sign(claims, secret) {
  if (!globalThis.crypto?.subtle) throw new Error('The browser signs only in pages that come by https, or from this machine (localhost).');
  const encoder = new TextEncoder();
  const message = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => base64url(encoder.encode(JSON.stringify(part)))).join('.');
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `${message}.${base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(message))))}`;
}
