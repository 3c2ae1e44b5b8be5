// What to copy.

const SAID_MS = 2000;

const client = `${location.origin}/polysocket.js`;

async function integrity() {
  const answer = await fetch('/pages/integrity.txt');
  return answer.ok ? (await answer.text()).trim() : '';
}

export async function showSnippets() {
  const hash = await integrity().catch(() => '');
  const check = hash ? `\n        integrity="${hash}" crossorigin` : '';
  document.getElementById('snippet-tag').textContent = `<script src="${client}"${check}\n        data-install="true"></script>`;
  document.getElementById('snippet-code').textContent = `const socket = new PolySocket('wss://chat.example.com/room');
socket.onmessage = ({ data }) => console.log(data);
socket.onopen = () => {
  console.log(socket.transport, socket.reason);   // 'sse', 'mute'
  socket.send('hello');
};`;
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', () => copy(button));
  }
}

async function copy(button) {
  const from = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(from.textContent);
    button.textContent = 'Copied';
  } catch {
    // Not allowed, or no secure context: the user's own copy takes what is selected.
    getSelection().selectAllChildren(from);
    button.textContent = 'Selected';
  }
  setTimeout(() => (button.textContent = 'Copy'), SAID_MS);
}
