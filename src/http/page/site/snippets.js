// The snippets, in tabs.
import { $, el } from './dom.js';
import { LANGUAGES, sample } from './samples.js';

let language = LANGUAGES[0], values = null;

const id = (name) => `tab-${name.toLowerCase()}`;

/** Shows the snippets with these values. */
export function showSnippets(next) {
  values = next;
  draw();
}

function draw() {
  for (const name of LANGUAGES) {
    const tab = $(id(name)), isSelected = name === language;
    tab.setAttribute('aria-selected', String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
  }
  $('snippet').setAttribute('aria-labelledby', id(language));
  const does = document.querySelector('input[name=does]:checked').value;
  if (values) $('snippet-text').textContent = sample(language, does, values).trimEnd();
}

/** Makes the tabs and the copy button work. */
export function startSnippets() {
  $('languages').append(...LANGUAGES.map((name) => el('button', {
    type: 'button', role: 'tab', id: id(name), 'aria-controls': 'snippet', click: () => select(name),
  }, name)));
  $('languages').addEventListener('keydown', ({ key }) => {
    const index = LANGUAGES.indexOf(language), last = LANGUAGES.length - 1;
    const next = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index || last + 1, Home: 0, End: last }[key];
    if (next === undefined) return;
    select(LANGUAGES[key === 'ArrowLeft' ? next - 1 : next]);
    $(id(language)).focus();
  });
  for (const radio of document.getElementsByName('does')) radio.addEventListener('change', draw);
  $('copy').addEventListener('click', copy);
  draw();
}

function select(name) {
  language = name;
  draw();
}

async function copy() {
  const text = $('snippet-text');
  try {
    await navigator.clipboard.writeText(text.textContent + '\n');
    $('copy').textContent = 'Copied';
  } catch {
    // A page over plain HTTP on another host has no clipboard.
    getSelection().selectAllChildren(text);
    $('copy').textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
  }
  setTimeout(() => { $('copy').textContent = 'Copy'; }, 1500);
}
