// Opens a page in an engine and waits for what it reports.

export class RunFailed extends Error {
  constructor(why, visit, engine, reports, log) {
    const told = reports.slice(-20).map((each) => `  ${JSON.stringify(each)}`.slice(0, 500));
    super(
      [
        `${why} (${engine.name}, ${visit.url})`,
        `the page's last reports of ${reports.length}:`,
        ...told,
        'the console:',
        ...log.slice(-60).map((line) => `  ${line}`),
      ].join('\n'),
    );
    this.name = 'RunFailed';
    // For those who catch it; who prints it has seen enough.
    Object.defineProperties(this, { reports: { value: reports }, console: { value: log } });
  }
}

/** Gives `{ value, reports, console }` once the page said `report.done(value)`; throws `RunFailed` otherwise. */
export async function run(engine, visit, { timeout = 20_000, onReport = () => {}, onTab = () => {}, shared = false } = {}) {
  const reports = [];
  const log = [];
  let timer;
  const ended = new Promise((resolve, reject) => {
    const fail = (why) => reject(new RunFailed(why, visit, engine, reports, log));
    visit.on('report', (value) => {
      reports.push(value);
      onReport(value);
    });
    visit.once('done', resolve);
    visit.once('failed', (text) => fail(`the page threw: ${text}`));
    visit.once('uncaught', (text) => fail(`the page threw: ${text}`));
    timer = setTimeout(() => fail(`the page was not done in ${timeout} ms`), timeout);
  });
  // It may fail before anybody waits for it.
  ended.catch(() => {});
  let tab;
  try {
    tab = await engine.open(visit.url, {
      shared,
      onConsole: (line) => log.push(line),
      onUncaught: (text) => visit.emit('uncaught', text),
    });
    onTab(tab);
    const value = await ended;
    return { value, reports, console: log };
  } finally {
    clearTimeout(timer);
    visit.removeAllListeners();
    await tab?.close();
  }
}
