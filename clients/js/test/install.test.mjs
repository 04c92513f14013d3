// Installing the package's folder as it is in a new clone, where nothing has been built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const NOT_IN_A_CLONE = ['dist', 'node_modules', 'LICENSE'];
const DEADLINE_MS = 120_000;

// What npm tells the scripts that it runs would tell this one about the wrong package.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle|config_local)|INIT_CWD)/.test(name)));
// What was downloaded for this folder is not downloaded again.
Object.assign(env, { npm_config_prefer_offline: 'true', npm_config_update_notifier: 'false', npm_config_audit: 'false', npm_config_fund: 'false' });

function run(command, args, cwd, shell = false) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, shell, encoding: 'utf8', timeout: DEADLINE_MS / 2 });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error ?? ''}\n${stdout}\n${stderr}`);
  return stdout.trim();
}
const npm = (args, cwd) => run('npm', args, cwd, process.platform === 'win32');

test('`npm install <folder>` in a new clone gives a package that can be imported', { timeout: DEADLINE_MS }, async (t) => {
  const version = npm(['--version'], root);
  if (Number(version.split('.')[0]) >= 12) return t.skip(`npm ${version} runs no scripts of the folders that it installs, as the README says`);
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-install-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const clone = join(folder, 'clone', 'clients', 'js'), app = join(folder, 'app');
  await cp(root, clone, { recursive: true, filter: (path) => !NOT_IN_A_CLONE.includes(basename(path)) });
  await cp(join(root, '../../LICENSE'), join(folder, 'clone', 'LICENSE'));
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "name": "app", "private": true }');

  npm(['install', clone], app);

  const says = (script) => run(process.execPath, ['--input-type=module', '--eval', script], app);
  assert.equal(says("import { Wavecast } from 'wavecast'; console.log(typeof Wavecast)"), 'function');
  assert.equal(says("import { createRequire } from 'node:module'; console.log(typeof createRequire(process.cwd() + '/')('wavecast').Wavecast)"), 'function');
});
