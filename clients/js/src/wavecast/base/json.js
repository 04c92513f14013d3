/**
 * Encodes a value as well-formed JSON. Lone surrogates, which UTF-8 cannot encode, become U+FFFD.
 *
 * @param {unknown} value
 */
export const toJson = (value) =>
  // Lone surrogates are the only characters that are written as `\ud…`.
  JSON.stringify(value).replace(/\\(ud...|.)/g, (escape) => escape[2] ? '\ufffd' : escape);
