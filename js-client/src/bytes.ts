/**
 * Bytes, as strings whose characters are all below 256: every engine has those, and they can be cut, joined and
 * compared. Only at the edges are there buffers.
 */

import { root } from './engine';

const ASCII = /^[\0-\x7f]*$/;
/** Pairs are matched first, so that what is left are halves without the other. */
const SURROGATES = /[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Arguments one call may have in the engines that allow the fewest. */
const ARGUMENTS_MAX = 8192;

export const fromCode = String.fromCharCode;

/** Text in UTF-8. Halves of surrogate pairs become U+FFFD, as in a browser's `send`. */
export function fromText(text: string): string {
  return ASCII.test(text)
    ? text
    : unescape(
        encodeURIComponent(
          text.replace(SURROGATES, function (match) {
            return match.charAt(1) ? match : '\ufffd';
          })
        )
      );
}

/** The text of bytes that are UTF-8. */
export function toText(bytes: string): string {
  return ASCII.test(bytes) ? bytes : decodeURIComponent(escape(bytes));
}

/** An ArrayBuffer, or a view of one. */
export function fromBuffer(data: any): string {
  const view = new root.Uint8Array(data.buffer || data, data.byteOffset, data.byteLength);
  let bytes = '';
  for (let at = 0; at < view.length; at += ARGUMENTS_MAX)
    // A real array, since old engines take no other for `apply`.
    bytes += fromCode.apply(null, [].slice.call(view, at, at + ARGUMENTS_MAX));
  return bytes;
}

export function toBuffer(bytes: string): ArrayBuffer {
  const view = new root.Uint8Array(bytes.length);
  for (let i = bytes.length; i--; ) view[i] = bytes.charCodeAt(i);
  return view.buffer;
}

/** Base64 without padding. Relays take a `+` in a URL for what it is, so that it needs no escaping. */
export function toBase64(bytes: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    // Beyond the end there is NaN, which is 0 here.
    const three = (bytes.charCodeAt(i) << 16) | (bytes.charCodeAt(i + 1) << 8) | bytes.charCodeAt(i + 2);
    for (let shift = 18; shift >= 0; shift -= 6) text += DIGITS.charAt((three >> shift) & 63);
  }
  return text.substring(0, Math.ceil((bytes.length * 4) / 3));
}
