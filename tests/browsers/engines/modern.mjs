// Debian's Chromium and Firefox ESR, driven by puppeteer: Chromium by CDP, Firefox by WebDriver BiDi.

import puppeteer from 'puppeteer-core';

const PROGRAMS = {
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};
const OPEN_MS = 30_000;

// Nothing of a browser's own may be among a test's requests, and nothing may be held back in a tab nobody looks at.
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-features=Translate,OptimizationHints,MediaRouter,IntensiveWakeUpThrottling',
];
const FIREFOX_PREFERENCES = {
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'dom.disable_open_during_load': false,
};

function options(name, { proxy, args = [], preferences = {} }) {
  const [host, port] = proxy?.split(':') ?? [];
  if (name === 'chromium') {
    // Loopback addresses go past a proxy unless that is said.
    const proxied = proxy ? [`--proxy-server=http://${proxy}`, '--proxy-bypass-list=<-loopback>'] : [];
    return { args: [...CHROMIUM_ARGS, ...proxied, ...args] };
  }
  const proxied = proxy && {
    'network.proxy.type': 1,
    'network.proxy.http': host,
    'network.proxy.http_port': Number(port),
    'network.proxy.ssl': host,
    'network.proxy.ssl_port': Number(port),
    'network.proxy.no_proxies_on': '',
    'network.proxy.allow_hijacking_localhost': true,
  };
  return { args, extraPrefsFirefox: { ...FIREFOX_PREFERENCES, ...proxied, ...preferences } };
}

class Tab {
  constructor(page, context) {
    this.page = page;
    this.context = context;
  }

  async close() {
    await (this.context ? this.context.close() : this.page.close());
  }
}

class Modern {
  modern = true;

  constructor(name, browser) {
    this.name = name;
    this.browser = browser;
  }

  /** A tab of a fresh profile, or of the browser's common one with `shared`. Resolves when the page has begun. */
  async open(url, { onConsole = () => {}, shared = false } = {}) {
    const context = shared ? null : await this.browser.createBrowserContext();
    const page = await (context ?? this.browser).newPage();
    page.on('console', (message) => onConsole(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => onConsole(`uncaught: ${error.stack ?? error}`));
    await page.goto(url, { waitUntil: 'domcontentloaded', timeout: OPEN_MS });
    return new Tab(page, context);
  }

  async stop() {
    await this.browser.close();
  }
}

export async function launchModern(name, settings) {
  const browser = await puppeteer.launch({
    browser: name === 'chromium' ? 'chrome' : 'firefox',
    executablePath: PROGRAMS[name],
    headless: true,
    ...options(name, settings),
  });
  return new Modern(name, browser);
}
