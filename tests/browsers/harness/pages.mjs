// A server of pages, under every host name that leads here, and the ear that hears what they report.

import { createServer } from 'node:http';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { DIST, TESTS } from './places.mjs';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'application/javascript; charset=utf-8',
  '.mjs': 'application/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
};

const FOLDERS = [
  ['/dist/', DIST],
  ['/harness/', join(TESTS, 'harness/page')],
  ['/suite/', join(TESTS, 'suite')],
  ['/tests/', TESTS],
];

/** One visit to a page: where it is, and what it reports: `report` with a value, then `done` with one. */
export class Visit extends EventEmitter {
  constructor(url) {
    super();
    this.url = url;
  }
}

class Pages {
  #visits = new Map();

  constructor(pages) {
    this.pages = pages;
    this.server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
        response.end(String(error));
      });
    });
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.origin = this.originOf('127.0.0.1');
    return this;
  }

  originOf(host) {
    return `http://${host}:${this.port}`;
  }

  /** A page's URL for one run. `origin` may be another that leads here, such as a proxy's. */
  visit(path, { query = {}, host = '127.0.0.1', origin = this.originOf(host) } = {}) {
    const id = String(this.#visits.size + 1);
    const url = new URL(path, origin);
    for (const [name, value] of Object.entries({ ...query, report: id })) url.searchParams.set(name, value);
    const visit = new Visit(url.href);
    this.#visits.set(id, visit);
    return visit;
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    if (url.pathname.startsWith('/report/')) return this.#hear(url, request, response);
    const found = await this.#find(url, request);
    if (!found) return response.writeHead(404, { 'Content-Type': 'text/plain' }).end(`no page ${url.pathname}`);
    const { body, headers = {}, type = TYPES['.html'], status = 200 } = found;
    response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers });
    return response.end(body);
  }

  async #find(url, request) {
    const page = this.pages[url.pathname];
    if (page !== undefined) {
      const found = typeof page === 'function' ? await page(request, url) : page;
      return typeof found === 'string' ? { body: found, type: TYPES[extname(url.pathname)] } : found;
    }
    for (const [prefix, folder] of FOLDERS) {
      if (!url.pathname.startsWith(prefix)) continue;
      const file = join(folder, normalize(`/${url.pathname.slice(prefix.length)}`));
      const body = await readFile(file).catch(() => null);
      if (body) return { body, type: TYPES[extname(file)] };
    }
    return null;
  }

  /** `/report/{visit}/{report or done}`, the value in JSON: the body, or `d` in the query. */
  async #hear(url, request, response) {
    const [, , id, event] = url.pathname.split('/');
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end('heard');
    this.#visits.get(id)?.emit(event, JSON.parse(url.searchParams.get('d') ?? body));
  }

  async stop() {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

/** `pages` is `{ '/path.html': text | { body, headers, type, status } | (request, url) => either }`. */
export async function startPages(pages = {}) {
  return new Pages(pages).listen();
}
