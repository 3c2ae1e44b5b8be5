// Properties whose names the minifier may shorten: those of our own objects, which nobody else reads. What is not here
// keeps its name, as all of an engine, of the wire and of the public interface must; so one that is forgotten costs some
// bytes, and nothing else. None of them may be the name of anything else in the source.

const NAMES = `
_ acked begin bytes callback carried closed connection core drains drained fail failed first frame heard listeners opened over own
patience posts pump receive received rtt stop unit
`;

export const INTERNAL = new RegExp(`^(${NAMES.trim().replace(/\s+/g, '|')})$`);
