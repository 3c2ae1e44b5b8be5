// A JSON document as lines, with what is different from the one before. Pure.

/** What was before where there was nothing: not even `null`. */
export const ABSENT = Symbol('absent');

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The parts of a value, `[[key, part]]`, or `null` for one without. Items of a list are known by `id`, where all have one. */
function partsOf(value) {
  if (isObject(value)) return Object.entries(value);
  if (!Array.isArray(value)) return null;
  const ids = new Set(value.map((item) => item?.id).filter((id) => id !== undefined));
  return value.map((item, index) => [ids.size === value.length ? `id ${item.id}` : String(index), item]);
}

function alike(now, was) {
  return (isObject(now) && isObject(was)) || (Array.isArray(now) && Array.isArray(was));
}

/** All lines of a value, with the same mark. */
function whole(value, at) {
  const parts = partsOf(value);
  if (!parts?.length) return [{ ...at, text: `${at.label}${JSON.stringify(value)}` }];
  return compared(value, at, () => ABSENT);
}

function compared(now, at, wasOf, removed = []) {
  const [begin, end] = Array.isArray(now) ? ['[', ']'] : ['{', '}'];
  const named = isObject(now);
  const inner = (key) => ({ depth: at.depth + 1, label: named ? `${JSON.stringify(key)}: ` : '', path: `${at.path}/${key}`, mark: at.mark });
  const parts = partsOf(now);
  const lines = parts.flatMap(([key, part], index) => {
    const below = walk(part, wasOf(key), inner(key));
    if (index < parts.length - 1) below.at(-1).text += ',';
    return below;
  });
  const gone = removed.flatMap(([key, part]) => whole(part, { ...inner(key), mark: 'removed' }));
  return [{ ...at, text: `${at.label}${begin}` }, ...lines, ...gone, { ...at, text: end }];
}

function walk(now, was, at) {
  if (at.mark) return whole(now, at);
  if (was === ABSENT) return whole(now, { ...at, mark: 'added' });
  if (JSON.stringify(now) === JSON.stringify(was)) return whole(now, { ...at, mark: 'same' }).map((line) => ({ ...line, mark: '' }));
  if (!alike(now, was)) return whole(now, { ...at, mark: 'changed' });
  const before = new Map(partsOf(was));
  const kept = new Set(partsOf(now).map(([key]) => key));
  return compared(now, at, (key) => (before.has(key) ? before.get(key) : ABSENT), [...before].filter(([key]) => !kept.has(key)));
}

/** `[{ depth, path, text, mark }]`; `mark` is `added`, `changed`, `removed`, or empty where all is as in `was`. */
export function linesOf(now, was) {
  const at = { depth: 0, label: '', path: '', mark: '' };
  return was === ABSENT ? whole(now, { ...at, mark: 'same' }).map((line) => ({ ...line, mark: '' })) : walk(now, was, at);
}

/** What is different, in words: `title changed, n added`. */
export function summary(lines) {
  const seen = new Map();
  for (const { path, mark } of lines) {
    const isBelow = [...seen].some(([above, other]) => other === mark && (path === above || path.startsWith(`${above}/`)));
    if (mark && !isBelow) seen.set(path, mark);
  }
  return [...seen].map(([path, mark]) => `${path.slice(1) || 'all of it'} ${mark}`).join(', ');
}

const TAGS = { added: 'ins', changed: 'mark', removed: 'del' };

/** Puts lines into an element. */
export function render(element, lines) {
  const rows = lines.map(({ depth, text, mark }) => {
    const row = document.createElement(TAGS[mark] ?? 'span');
    row.textContent = `${'  '.repeat(depth)}${text}\n`;
    return row;
  });
  element.replaceChildren(...rows);
}
