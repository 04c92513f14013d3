// JSON as text. Only white space changes: numbers and escapes stay as they were sent.

const TOKEN = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The value, or `undefined` if the text is not JSON. */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON on one line, with a space after commas and colons if `isSpaced`. */
export function oneLine(text, isSpaced = false) {
  const tokens = text.match(TOKEN) ?? [];
  return tokens.map((token) => (token === ',' || token === ':') && isSpaced ? token + ' ' : token).join('');
}

/** JSON with a line for each member. */
export function pretty(text) {
  const tokens = text.match(TOKEN) ?? [];
  let indent = '\n', out = '';
  tokens.forEach((token, index) => {
    const isEmpty = /[{[]/.test(tokens[index - 1] ?? '');
    if (token === '{' || token === '[') {
      out += token;
      indent += '  ';
      if (!/[}\]]/.test(tokens[index + 1] ?? '')) out += indent;
    } else if (token === '}' || token === ']') {
      indent = indent.slice(0, -2);
      out += (isEmpty ? '' : indent) + token;
    } else {
      out += token === ',' ? ',' + indent : token === ':' ? ': ' : token;
    }
  });
  return out;
}
