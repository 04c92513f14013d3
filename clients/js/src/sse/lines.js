/**
 * The events of a stream, parsed line by line (HTML Living Standard, section 9.2.6), as far as this server uses the format.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} onBytes Called for everything that arrives, including comments.
 * @returns {AsyncGenerator<{ event: string, data: string }, void, void>}
 */
export async function* messagesOf(body, onBytes) {
  const reader = body.getReader(), decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = /** @type {string} */ (blocks.pop());
    for (const block of blocks) {
      let event = '';
      /** @type {string[]} */
      const data = [];
      for (const line of block.split('\n')) {
        const [, field, content] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (field === 'event') event = content;
        if (field === 'data') data.push(content);
      }
      yield { event, data: data.join('\n') };
    }
  }
}
