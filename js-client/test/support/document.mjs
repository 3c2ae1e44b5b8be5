// As much of a document as script tags need.

import vm from 'node:vm';
import { send } from './network.mjs';

export function makeDocument(context, network, { href, scriptSource, tellsScript, isModule, attributes = {}, scriptErrors = true }) {
  const script = (source) => ({
    tagName: 'SCRIPT',
    src: source,
    parentNode: null,
    getAttribute: (name) => (name in attributes ? attributes[name] : null),
  });
  const own = script(scriptSource);
  const head = {
    childNodes: [],
    get firstChild() {
      return this.childNodes[0] || null;
    },
    appendChild(node) {
      this.childNodes.push(node);
      node.parentNode = head;
      load(node);
    },
    removeChild(node) {
      this.childNodes.splice(this.childNodes.indexOf(node), 1);
      node.parentNode = null;
    },
  };
  function load(node) {
    let text = '';
    let status = 0;
    const failed = () => scriptErrors && node.onerror && node.onerror();
    send(network, { method: 'GET', url: node.src, headers: { referer: href } }, {
      head: (code) => (status = code),
      data: (chunk) => (text += chunk),
      end: () => {
        if (status < 200 || status > 299) return failed();
        vm.runInContext(text, context);
        if (scriptErrors && node.onload) node.onload();
      },
      error: failed,
    });
  }
  return {
    hidden: false,
    ...(tellsScript && { currentScript: isModule ? null : own }),
    baseURI: href,
    head,
    documentElement: head,
    getElementsByTagName: (name) => (name == 'script' ? [own, ...head.childNodes] : name == 'head' ? [head] : []),
    createElement: (name) => (name == 'a' ? anchor(href) : script('')),
    addEventListener() {},
    removeEventListener() {},
  };
}

/** An anchor makes an address absolute. */
function anchor(base) {
  let url = '';
  return {
    set href(value) {
      try {
        url = new URL(value, base).href;
      } catch {
        url = String(value);
      }
    },
    get href() {
      return url;
    },
    get host() {
      return url.startsWith('http') && URL.canParse(url) ? new URL(url).host : '';
    },
  };
}
