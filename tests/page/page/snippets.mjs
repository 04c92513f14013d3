// The snippets: complete programs, which are run here.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { HISTORY, newPage, open, row, serve } from './browser.mjs';

const RUN_MS = 60_000;
const isInstalled = (command, argument = '--version') => spawnSync(command, [argument]).status === 0;

/** What runs the snippet of each language. */
const PROGRAMS = {
  curl: { file: 'snippet.sh', command: ['sh'], isInstalled: isInstalled('curl') },
  JavaScript: { file: 'snippet.mjs', command: [process.execPath], isInstalled: true },
  Python: { file: 'snippet.py', command: ['python3', '-u'], isInstalled: isInstalled('python3') },
  Go: { file: 'snippet.go', command: ['go', 'run'], isInstalled: isInstalled('go', 'version') },
};

async function snippet(page, language, does) {
  await page.getByRole('tab', { name: language }).click();
  await page.getByText(does, { exact: true }).last().click();
  return page.locator('#snippet-text').textContent();
}
async function written(t, language, text) {
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-snippet-')), path = join(folder, PROGRAMS[language].file);
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path, text);
  return path;
}

for (const language of Object.keys(PROGRAMS)) {
  const { command, isInstalled } = PROGRAMS[language], skip = isInstalled ? false : `${command[0]} is not installed`;

  test(`the ${language} snippet publishes the event in the form`, { skip, timeout: RUN_MS }, async (t) => {
    const { server } = await serve(t);
    const page = await open(t, server.url);
    await page.getByLabel('Event name (optional)').fill('it\'s "new"');
    await page.getByLabel('Data, as JSON').fill('{\n  "text": "it\'s `$HOME` \\\\ \\"é\\"\\n",\n  "on": true,\n  "off": null\n}');
    const path = await written(t, language, await snippet(page, language, 'Publish'));
    const { stdout } = await promisify(execFile)(command[0], [...command.slice(1), path]);
    assert.match(stdout, language === 'Go' ? /^200 OK/ : /evt_/);
    const data = JSON.stringify({ text: 'it\'s `$HOME` \\ "é"\n', on: true, off: null });
    await row(page, `it's "new" ${data}`).waitFor();
  });

  if (language === 'JavaScript') continue;
  test(`the ${language} snippet receives the channel in the form`, { skip, timeout: RUN_MS }, async (t) => {
    const { server } = await serve(t);
    const page = await open(t, server.url);
    const channel = 'it\'s köln & "more"';
    await page.getByLabel('Channel', { exact: true }).fill(channel);
    const path = await written(t, language, await snippet(page, language, 'Receive'));
    // In a process group of its own: `go run` and `sh` start the program as a child.
    const child = spawn(command[0], [...command.slice(1), path], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    t.after(() => child.exitCode === null && process.kill(-child.pid, 'SIGKILL'));
    let output = '', published;
    child.stdout.setEncoding('utf8');
    const received = new Promise((resolve) => child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('through the stream')) resolve();
      else if (output.includes('subscribed')) published ??= server.publish({ channel, data: { message: 'through the stream' } });
    }));
    await received;
    // The event may arrive before the answer to the request, which the server's end must not cut off.
    await published;
  });
}

test('the JavaScript snippet receives the channel in a page of another origin', async (t) => {
  const { server } = await serve(t, [...HISTORY, '--origin', '*']), elsewhere = await serve(t);
  const page = await open(t, server.url), other = await newPage(t);
  const text = await snippet(page, 'JavaScript', 'Receive');
  await other.goto(`${elsewhere.server.url}/healthz`);
  const printed = other.waitForEvent('console', { predicate: (message) => message.text().startsWith('hello') });
  await other.addScriptTag({ type: 'module', content: text });
  await page.locator('#channels').getByText('2').waitFor();
  await server.publish({ channel: 'notifications', event: 'hello', data: { message: 'from elsewhere' } });
  await printed;
});

test('the snippets follow the form, and the tabs work with the arrow keys', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url), text = () => page.locator('#snippet-text').textContent();
  assert.ok((await text()).startsWith(`curl ${server.url}/api/events`), await text());
  await page.getByLabel('Channel', { exact: true }).fill('orders');
  assert.ok((await text()).includes('"channel":"orders"'));
  await page.getByRole('tab', { name: 'curl' }).focus();
  for (const [key, language] of [['ArrowRight', 'JavaScript'], ['ArrowLeft', 'curl'], ['ArrowLeft', 'Go'], ['ArrowRight', 'curl'], ['End', 'Go'], ['Home', 'curl']]) {
    await page.keyboard.press(key);
    const tab = page.getByRole('tab', { selected: true });
    assert.equal(await tab.textContent(), language);
    assert.ok(await tab.evaluate((node) => node === document.activeElement));
  }
  assert.equal(await page.getByRole('tabpanel').getAttribute('aria-labelledby'), 'tab-curl');
});

test('a snippet is copied', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  const text = await snippet(page, 'Python', 'Publish');
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text + '\n');
});

for (const [width, height] of [[1280, 720], [360, 740]]) {
  test(`no snippet is cut at ${width}×${height}`, async (t) => {
    const { server } = await serve(t);
    const page = await open(t, server.url);
    await page.setViewportSize({ width, height });
    for (const language of Object.keys(PROGRAMS)) {
      for (const does of ['Publish', 'Receive']) {
        const name = `${language}, ${does}`;
        await snippet(page, language, does);
        const cut = await page.locator('#snippet-text').evaluate((pre) => {
          const range = document.createRange();
          range.selectNodeContents(pre);
          const text = range.getBoundingClientRect(), problems = [];
          for (let box = pre; box; box = box.parentElement) {
            const { left, right, top, bottom } = box.getBoundingClientRect(), isPage = box === document.documentElement || box === document.body;
            if (text.left < left || text.right > right + 0.5 || (!isPage && (text.top < top || text.bottom > bottom + 0.5))) problems.push(box.id || box.tagName);
          }
          if (text.right > innerWidth) problems.push('the window');
          return problems;
        });
        assert.deepEqual(cut, [], name);
      }
    }
    if (width === 1280) {
      await snippet(page, 'curl', 'Publish');
      await page.evaluate(() => scrollTo(0, 0));
      const { bottom } = await page.locator('#snippet-text').evaluate((pre) => pre.getBoundingClientRect());
      assert.ok(bottom <= height, `the curl command ends at ${bottom} px`);
    }
  });
}
