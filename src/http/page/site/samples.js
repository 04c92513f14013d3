// The snippets: how to publish and receive from a program. Each is complete, and needs nothing but its language.
import { oneLine } from './json.js';

export const LANGUAGES = ['curl', 'JavaScript', 'Python', 'Go'];

const shell = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
const single = (text) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
const goText = (text) => text.includes('`') ? JSON.stringify(text) : '`' + text + '`';

/** JSON as Python writes it. */
const python = (json) => oneLine(json, true).replace(/"(?:\\.|[^"\\])*"|true|false|null/g, (token) =>
  ({ true: 'True', false: 'False', null: 'None' })[token] ?? token.replaceAll('\\/', '/'));

/**
 * The text of a snippet.
 *
 * @param {string} language One of `LANGUAGES`.
 * @param {'publish' | 'receive'} does
 * @param {{ base: string, channel: string, body: string }} values `base` is the address of the server, with a slash at its
 *   end; `body` is the event as JSON.
 */
export function sample(language, does, { base, channel, body }) {
  const events = `${base}api/events`, socket = `${base}ws`.replace(/^http/, 'ws');
  const stream = `${base}sse?channel=${encodeURIComponent(channel).replaceAll("'", '%27')}`;
  return {
    curl: {
      publish: () => `curl ${shell(events)} \\
  -H 'Content-Type: application/json' \\
  -d ${shell(oneLine(body))}
`,
      receive: () => `curl -N ${shell(stream)}
`,
    },
    JavaScript: {
      publish: () => `const response = await fetch(${single(events)}, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(${oneLine(body, true)}),
});
console.log(await response.json());
`,
      receive: () => `import { Wavecast } from ${single(`${base}wavecast.js`)};

const client = new Wavecast(${single(socket)});
client.channel(${single(channel)}).on('message', ({ event, data }) => {
  console.log(event, data);
});
`,
    },
    Python: {
      publish: () => `import json, urllib.request

event = ${python(body)}
request = urllib.request.Request(
    ${JSON.stringify(events)},
    data=json.dumps(event).encode(),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    print(response.read().decode())
`,
      receive: () => `import json, urllib.request

with urllib.request.urlopen(${JSON.stringify(stream)}) as stream:
    for line in stream:
        if line.startswith(b"data: "):
            print(json.loads(line[6:]))
`,
    },
    Go: {
      publish: () => `package main

import (
	"fmt"
	"log"
	"net/http"
	"strings"
)

func main() {
	event := ${goText(oneLine(body))}
	response, err := http.Post(${JSON.stringify(events)}, "application/json", strings.NewReader(event))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status)
}
`,
      receive: () => `package main

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"strings"
)

func main() {
	response, err := http.Get(${JSON.stringify(stream)})
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			fmt.Println(data)
		}
	}
}
`,
    },
  }[language][does]();
}
