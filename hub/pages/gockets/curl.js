// The same as the page does, for a shell.

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Lines for a channel; for `null`, how to make one. With a token each says where it goes, and none what it is. */
export function curlLines(origin, channel, withToken) {
  const admin = withToken ? 'curl -s -H "Authorization: Bearer $token"' : 'curl -s';
  const hook = channel?.subscriber_message_hook_url ?? 'http://localhost:8000/hook';
  const prepare = `# prepare a channel\n${admin} ${origin}/channel/prepare -d ${quote(JSON.stringify({ subscriber_message_hook_url: hook }))}`;
  if (!channel) return prepare;
  const { publisher_key: publisher, subscriber_key: subscriber } = channel;
  return `# publish
${admin} ${origin}/channel/publish/${publisher} -d 'hello from a shell'

# listen: by events, and by one poll
curl -N -H 'Accept: text/event-stream' ${origin}/channel/subscribe/${subscriber}
curl '${origin}/channel/subscribe/${subscriber}?poll'

# another hook; what waits for it, and its dead letters; try those again
${admin} -X PATCH ${origin}/channel/edit/${publisher} -d ${quote(JSON.stringify({ subscriber_message_hook_url: hook, tag: channel.tag }))}
${admin} ${origin}/channel/hooks/${publisher}
${admin} -X POST ${origin}/channel/hooks/${publisher}/retry

# delete the channel: its listeners are closed
${admin} -X DELETE ${origin}/channel/publish/${publisher}`;
}
