// Buttons that copy: `<button data-copy="id">`.

const SAID_MS = 2000;

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

export function enableCopying() {
  for (const button of document.querySelectorAll('[data-copy]')) button.addEventListener('click', () => copy(button));
}
