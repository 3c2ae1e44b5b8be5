// The same as the page does, for other pages and for a shell.

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A client in a few lines. */
export const snippet = (url, path) => `const ws = new WebSocket(${JSON.stringify(url)});
ws.onopen = () => ws.send(JSON.stringify({ seqId: 1, event: 'bind', path: ${JSON.stringify(path)} }));
ws.onmessage = ({ data }) => {
  const { event, path, data: document, status } = JSON.parse(data);
  if (event === 'response') console.log(path, status === 410 ? 'is gone' : document);
};`;

/** Lines for a path. A token is named, and not said. `api` is the address of the API, where it is known. */
export function curlLines({ url, path, withToken, api = '"$API"' }) {
  const curl = withToken ? 'curl -H "Authorization: Bearer $token"' : 'curl';
  const pogo = url.replace(/^ws/, 'http').replace(/\/$/, '');
  const put = `-X PUT ${api}${path} -H 'Content-Type: application/json'`;
  return `# watch it, by events; and what the API says now
${curl} -N -H 'Accept: text/event-stream' ${quote(pogo + path)}
${curl} ${quote(pogo + path)}

# change it by the API itself: Pogo finds out
${curl} ${put} -d ${quote('{"title":"from a shell"}')}

# a backend that has pogo.push_token need not wait for that
curl -X PUT -H "Authorization: Bearer $push_token" ${quote(pogo + path)}`;
}
