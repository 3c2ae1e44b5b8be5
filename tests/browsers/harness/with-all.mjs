/** Runs `body(use)`; what it said `use` of is stopped afterwards, last first, whatever happened. */
export async function withAll(body) {
  const used = [];
  const use = (thing) => {
    used.push(thing);
    return thing;
  };
  try {
    return await body(use);
  } finally {
    await stopAll(used);
  }
}

/** Stops everything, last first; one that fails does not keep the others. */
export async function stopAll(things) {
  const failed = [];
  for (const thing of things.reverse()) {
    try {
      await thing.stop();
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length) throw new AggregateError(failed, failed.map(String).join('; '));
}
