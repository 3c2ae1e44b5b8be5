// The demo: a card for each transport and one for the client's own choice, all in conversation with the same target.

import { Card } from './card.js';
import { Conversation } from './conversation.js';
import { showSnippets } from './snippets.js';
import { checkTarget, otherTarget, targets } from './target.js';

/** How often figures are shown anew, ms. */
const FIGURES_MS = 250;
/** The client's own choice is measured alone: the others begin when it is made, or after this, ms. */
const ALONE_MS = 1500;
/** The least that the curves have room for, ms. */
const SCALE_MIN = 10;

const get = (id) => document.getElementById(id);

/** Nothing is remembered, so that the page shows what a first visit sees. */
const automatic = new Conversation('automatic', { remember: 0 });
const single = words.names.map((name) => new Conversation(name, { transports: name, remember: 0, probe: false }));
const all = [automatic, ...single];
const cards = [new Card(get('automatic'), automatic), ...single.map(makeCard)];

let target = targets.echo;
/** Names a choice of target: what was begun for an earlier one is not gone on with. */
let round = 0;

function makeCard(conversation) {
  const element = get('card').content.cloneNode(true).firstElementChild;
  const { name } = conversation;
  const title = element.querySelector('[data-part=name]');
  title.textContent = name;
  title.id = `title-${name}`;
  element.setAttribute('aria-labelledby', title.id);
  element.dataset.name = name;
  element.querySelector('[data-part=what]').textContent = words.transports[name];
  element.querySelector('[data-part=log]').setAttribute('aria-label', `Messages by ${name}`);
  get('cards').append(element);
  return new Card(element, conversation);
}

function talkTo(next) {
  target = next;
  get('target-error').textContent = '';
  get('target-says').textContent = `Talking to ${target.url}, ${target.says}`;
  // In a room each measuring message comes to all: seven times seven of them.
  const paces = get('pace');
  if (target.foreign) paces.value = 'off';
  else if (target.chat || paces.value === 'off') paces.value = 'calm';
  for (const option of paces.options) option.disabled = Boolean(target.chat) && /busy|flat/.test(option.value);
  setPace();
  for (const conversation of all) conversation.close();
  automatic.connect(target);
  const mine = ++round;
  let begun = false;
  const others = () => {
    if (begun || mine !== round) return;
    begun = true;
    for (const conversation of single) conversation.connect(target);
  };
  for (const settled of ['open', 'close']) automatic.addEventListener(settled, others, { once: true });
  setTimeout(others, ALONE_MS);
}

function setPace() {
  for (const conversation of all) conversation.pace = get('pace').value;
}

async function talkToOther() {
  const button = get('use-url');
  button.disabled = true;
  try {
    const other = otherTarget(get('url').value);
    get('target-error').textContent = '';
    await checkTarget(other.url);
    talkTo(other);
  } catch (error) {
    get('target-error').textContent = `${error.message} The page goes on with ${target.url}.`;
  } finally {
    button.disabled = false;
  }
}

function summarize(now) {
  const good = single.filter((conversation) => conversation.status(now) === 'open').length;
  const text = `${good} of ${single.length} transports carry it.`;
  if (get('summary').textContent !== text) get('summary').textContent = text;
}

function showFigures() {
  const now = performance.now();
  const scale = Math.max(SCALE_MIN, ...all.flatMap(({ measure }) => measure.roundTrips));
  for (const card of cards) card.figures(now, scale);
  summarize(now);
}

function listen() {
  for (const radio of get('controls').querySelectorAll('[name=target]')) {
    radio.addEventListener('change', () => {
      get('other').hidden = radio.value !== 'other';
      if (radio.value === 'other') get('url').focus();
      else talkTo(targets[radio.value]);
    });
  }
  get('use-url').addEventListener('click', talkToOther);
  get('url').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    talkToOther();
  });
  get('controls').addEventListener('submit', (event) => {
    event.preventDefault();
    const { value } = get('message');
    if (value) for (const conversation of all) conversation.say(value);
    get('message').select();
  });
  get('pace').addEventListener('change', setPace);
  get('again').addEventListener('click', () => automatic.connect(target));
  get('pretend').value = window.pretend;
  get('pretend').addEventListener('change', ({ target: { value } }) => {
    // The client takes the browser's WebSocket when it is loaded.
    location.search = value && `?pretend=${value}`;
  });
}

listen();
showSnippets();
talkTo(target);
setInterval(showFigures, FIGURES_MS);
