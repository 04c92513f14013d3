/**
 * JSON that every server can read. A lone surrogate is no text, and cannot be sent: U+FFFD takes its place.
 *
 * @param {unknown} value
 */
export const toJson = (value) =>
  // Lone surrogates are the only characters that are written as `\ud…`.
  JSON.stringify(value).replace(/\\(ud...|.)/g, (escape) => escape.length > 2 ? '\ufffd' : escape);
