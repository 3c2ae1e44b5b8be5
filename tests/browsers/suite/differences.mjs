// Where a run of the suite may differ from the standard, and why. A case that is not named here must pass; one that is named
// and passes fails the run, so that this list is never longer than the truth.
//
// `engines`, `scopes`, `transports`: the runs in which it differs (all, if absent).

const POLYSOCKET = ['default', 'websocket', 'relay', 'stream', 'sse', 'poll', 'jsonp'];
/** Where the browser's own WebSocket carries, its own habits are ours. */
const NATIVE = ['native', 'default', 'websocket'];

const OWN_DISPATCH = `Sockets dispatch their events themselves, as an old engine needs it; a browser's EventTarget is not
  beneath them.`;

/** Of browsers, where the standard says otherwise. */
const BROWSERS = [
  {
    case: 'urls: a space in a host is refused',
    engines: 'chromium',
    why: 'Chromium escapes it; the URL standard has it as a forbidden code point.',
  },
  {
    case: 'urls: an empty URL is that of the page',
    engines: 'firefox',
    transports: 'native',
    why: 'Firefox refuses it.',
  },
  {
    case: 'subprotocols: one is offered and none chosen: it fails',
    engines: ['firefox', 'phantomjs2'],
    transports: NATIVE,
    why: 'These open without one, as RFC 6455 allows.',
  },
  {
    case: 'subprotocols: one is chosen and none was offered: it fails',
    engines: 'firefox',
    transports: NATIVE,
    why: 'Firefox opens without one.',
  },
  {
    case: 'attributes: bufferedAmount counts bytes in UTF-8 until they are sent',
    engines: 'phantomjs2',
    transports: NATIVE,
    why: 'Qt gives all to the network at once.',
  },
  {
    case: 'attributes: bufferedAmount counts bytes of buffers, views and Blobs',
    engines: 'phantomjs2',
    transports: NATIVE,
    why: 'Qt gives all to the network at once.',
  },
  {
    case: 'attributes: what is sent after close is counted and never leaves',
    engines: 'phantomjs2',
    transports: NATIVE,
    why: 'WebKit of 2013 counts the frames with their heads.',
  },
  {
    case: 'close: half a pair in a reason becomes U+FFFD',
    engines: 'phantomjs2',
    transports: NATIVE,
    why: 'WebKit of 2013 sends the half pair, which is no UTF-8, and the target closes with 1007.',
  },
];

/** Of PolySocket. */
const OURS = [
  {
    case: 'events: events are trusted',
    why: 'No script can make a trusted event.',
  },
  {
    case: 'events: a socket is an EventTarget',
    why: OWN_DISPATCH,
  },
  {
    case: 'events: events do not bubble and cannot be cancelled',
    why: `${OWN_DISPATCH} Only eventPhase tells: it is 0, not 2.`,
  },
  {
    case: 'events: the path of an event is its socket, while it is told',
    why: OWN_DISPATCH,
  },
  {
    case: 'events: capturing and not are two listeners',
    why: `${OWN_DISPATCH} A socket has no parents, so that nobody captures; a listener added both ways is called once.`,
  },
  {
    case: 'events: a signal removes a listener',
    why: `${OWN_DISPATCH} Listeners are removed by removeEventListener.`,
  },
  {
    case: 'events: a socket is called a WebSocket',
    why: 'It is none, and says so: what asks for the class of the browser must not be told that this is one.',
  },
  {
    case: 'attributes: constants cannot be changed',
    why: 'They are plain properties, which every engine has; a page that changes them harms itself.',
  },
  {
    case: 'urls: a line may end within the scheme',
    why: 'The scheme is looked at before the URL is parsed. Line ends elsewhere are taken out.',
  },
  {
    case: 'events: the page may dispatch events of its own',
    engines: 'phantomjs2',
    why: 'The target of an event that the page has made there cannot be set.',
  },
  ...['events: events are of their classes', 'events: an error is a plain Event'].map((name) => ({
    case: name,
    engines: 'phantomjs2',
    why: 'Events that are made there have no target, and cannot be given one: they are plain objects with the right one.',
  })),
].map((each) => ({ transports: POLYSOCKET, ...each }));

/** Of PolySocket, and wrong: to be mended, and then to be struck out here, as the run will say. */
const BUGS = [].map((each) => ({ transports: POLYSOCKET, bug: true, ...each }));

export const DIFFERENCES = [...BROWSERS, ...OURS, ...BUGS];
