// Gives the variables and properties of minified code other short names, by which it compresses better: what a minifier
// takes for equal, as any one letter is as short as another, gzip does not. The names are searched by trial, which takes a
// minute, and kept in names.json together with a hash of the code they are for; a build only applies them, so that it is
// quick, and the same on every machine.

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';

const LETTERS = [...'ntreoiufcasvldhpmybwgTEAkCSOxMNIjLUR$DPJzGHFBVKXQYZWq_'];

/** The names that `record` has for this code applied to it; null if they are not for it. */
export function rename(code, record) {
  if (record.code != hash(code)) return null;
  return write(pieces(code, analyse(code)), record.names);
}

/** Tries `trials` changes, keeping those that make it smaller, and at first some that do not. */
export function search(code, trials, progress) {
  const variables = analyse(code);
  const parts = pieces(code, variables);
  const size = (names) => gzipSync(write(parts, names), { level: 9 }).length;
  const neighbours = variables.map((one) =>
    variables.filter((other) => other != one && [...one.live].some((scope) => other.live.has(scope))).map((other) => other.index),
  );
  const random = chance(1);
  let names = variables.map((one) => one.name);
  const pool = [...new Set([...LETTERS, ...names])];
  let now = size(names);
  let best = { size: now, names };
  for (let trial = 0; trial < trials; trial++) {
    const index = Math.floor(random() * names.length);
    const name = pool[Math.floor(random() * pool.length * random())];
    // Names of the same length: then a source map stays true.
    if (name == names[index] || name.length != names[index].length) continue;
    const changed = swap(names, neighbours, index, name);
    const then = size(changed);
    if (then <= now + random() * TOLERANCE * (1 - trial / trials)) {
      names = changed;
      now = then;
    }
    if (now < best.size) best = { size: now, names };
    if (trial % 1000 == 0) progress(trial, best.size);
  }
  return { code: hash(code), names: best.names };
}

/** Bytes a change may cost at first: what is worse now may lead to something better. */
const TOLERANCE = 0.7;

/** Names again that hold: all that are in each other's way through `index` exchange both names. */
function swap(names, neighbours, index, name) {
  const old = names[index];
  const changed = names.slice();
  const group = [index];
  changed[index] = name;
  for (let at = 0; at < group.length; at++)
    for (const next of neighbours[group[at]])
      if (changed[next] == changed[group[at]] && changed[next] == names[next]) {
        changed[next] = names[next] == old ? name : old;
        group.push(next);
      }
  return changed;
}

/**
 * All variables with the places they are named in, and the scopes in which their names may mean nothing else: those
 * between each use and the declaration. Two that share such a scope need different names. What is caught, and the name a
 * function expression has for itself, belong to the function around, as old engines have it.
 */
function analyse(code) {
  const variables = [];
  const uses = [];
  const scope = (parent) => ({ parent, variables: new Map() });
  // Properties the minifier has named: no engine has any of one letter. Each is another one everywhere.
  const properties = scope(null);
  function declare(where, name) {
    if (where.variables.has(name)) return;
    const variable = { index: variables.length, name, scope: where, places: [], live: new Set([where]) };
    where.variables.set(name, variable);
    variables.push(variable);
  }
  function declarations(node, where) {
    each(node, (child) => {
      if (child.type == 'VariableDeclarator') declare(where, child.id.name);
      if (child.type == 'CatchClause') declare(where, child.param.name);
      const inner = /^Function/.test(child.type);
      if (inner && child.id) declare(where, child.id.name);
      if (!inner) declarations(child, where);
    });
  }
  function visit(node, where) {
    each(node, (child, key) => {
      const named =
        (node.type == 'MemberExpression' && key == 'property' && !node.computed) || (node.type == 'Property' && key == 'key');
      if (child.type == 'Identifier' && !named) uses.push([child, where]);
      if (named && child.type == 'Identifier' && child.name.length == 1) {
        declare(properties, child.name);
        properties.variables.get(child.name).places.push(child.start);
      }
      if (!/^Function/.test(child.type)) return visit(child, where);
      if (child.id) uses.push([child.id, where]);
      const own = scope(where);
      for (const parameter of child.params) {
        declare(own, parameter.name);
        uses.push([parameter, own]);
      }
      declarations(child.body, own);
      visit(child.body, own);
    });
  }
  const program = parse(code, { ecmaVersion: 5 });
  const top = scope(null);
  declarations(program, top);
  visit(program, top);
  for (const [place, used] of uses) {
    let where = used;
    while (where && !where.variables.has(place.name)) where = where.parent;
    if (!where) continue;
    const variable = where.variables.get(place.name);
    variable.places.push(place.start);
    for (let between = used; between != where; between = between.parent) variable.live.add(between);
  }
  return variables;
}

function each(node, visit) {
  for (const key in node) {
    const value = node[key];
    for (const child of Array.isArray(value) ? value : [value]) if (child && child.type) visit(child, key);
  }
}

/** The code in pieces, with the indices of variables between them. */
function pieces(code, variables) {
  const places = variables
    .flatMap((one) => one.places.map((start) => ({ start, end: start + one.name.length, index: one.index })))
    .sort((a, b) => a.start - b.start);
  const parts = [];
  let at = 0;
  for (const place of places) {
    parts.push(code.slice(at, place.start), place.index);
    at = place.end;
  }
  return [...parts, code.slice(at)];
}

function write(parts, names) {
  let code = '';
  for (const part of parts) code += typeof part == 'number' ? names[part] : part;
  return code;
}

function hash(code) {
  return createHash('sha256').update(code).digest('hex');
}

/** The same numbers from 0 to 1 each time. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
