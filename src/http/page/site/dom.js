// Building elements. Everything that arrives reaches the page as text nodes; no string becomes markup.

export const $ = (id) => document.getElementById(id);

/** A function as an attribute is a listener; `undefined` and `false` leave the attribute out. */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Shows the outcome of something beside it. The kind is `good`, `bad` or nothing. */
export function note(id, text, kind = '') {
  const node = $(id), classes = ['note', kind, node.classList.contains('slim') && 'slim'];
  node.className = classes.filter(Boolean).join(' ');
  if (node.textContent !== text) node.textContent = text;
}

export const clock = (at, withMs) => at.toLocaleTimeString('en-GB') + (withMs ? '.' + String(at.getMilliseconds()).padStart(3, '0') : '');

export function onSubmit(id, act) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

/** Calls `act` with the name in the field, and empties the field. */
export function onName(form, field, act) {
  onSubmit(form, () => {
    const name = $(field).value.trim();
    if (!name) return $(field).focus();
    $(field).value = '';
    act(name);
  });
}

/** Calls `draw` before the next frame, however often it is asked to. */
export function oncePerFrame(draw) {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      draw();
    });
  };
}
