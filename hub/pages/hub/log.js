// What was said, line by line, the newest last.

const LINES_MAX = 100;

export class Log {
  #list;
  #box;

  /** `box` scrolls, and has the list. */
  constructor(box) {
    this.#box = box;
    this.#list = box.querySelector('ol');
  }

  /** `kind`: `in`, `out`, `note` or `bad`; `label` comes before the text, `note` after it. */
  add(kind, text, { label = '', note = '' } = {}) {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    const atEnd = scrollHeight - scrollTop - clientHeight < 8;
    const line = document.createElement('li');
    line.className = kind;
    if (label) line.append(part('small', 'label', label), ' ');
    line.append(part('span', 'text', text));
    if (note) line.append(' ', part('small', 'remark', note));
    this.#list.append(line);
    while (this.#list.children.length > LINES_MAX) this.#list.firstChild.remove();
    if (atEnd) this.#box.scrollTop = this.#box.scrollHeight;
  }

  clear() {
    this.#list.replaceChildren();
  }
}

function part(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
