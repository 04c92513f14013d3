// Installing the package's folder as it is in a new clone, where nothing has been built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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

/** Copies what a new clone has. Returns the package's folder in it. */
async function clonedInto(folder) {
  const clone = join(folder, 'clone', 'clients', 'js');
  await cp(root, clone, { recursive: true, filter: (path) => !NOT_IN_A_CLONE.includes(basename(path)) });
  await cp(join(root, '../../LICENSE'), join(folder, 'clone', 'LICENSE'));
  return clone;
}

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
  const clone = await clonedInto(folder), app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "name": "app", "private": true }');

  npm(['install', clone], app);

  const says = (script) => run(process.execPath, ['--input-type=module', '--eval', script], app);
  assert.equal(says("import { Wavecast } from 'wavecast'; console.log(typeof Wavecast)"), 'function');
  assert.equal(says("import { createRequire } from 'node:module'; console.log(typeof createRequire(process.cwd() + '/')('wavecast').Wavecast)"), 'function');
});

test('the tarball has no scripts that npm would warn about, and packing leaves the folder as it was', { timeout: DEADLINE_MS }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-pack-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const clone = await clonedInto(folder), file = join(clone, 'package.json'), before = await readFile(file, 'utf8');
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));

  npm(['pack', clone, '--pack-destination', folder], folder);

  assert.equal(await readFile(file, 'utf8'), before);
  const { version, scripts } = JSON.parse(before);
  run('tar', ['-xzf', `wavecast-${version}.tgz`], folder);
  const { scripts: packed } = JSON.parse(await readFile(join(folder, 'package', 'package.json'), 'utf8'));
  assert.ok(scripts.prepare);
  assert.deepEqual(Object.keys(packed), ['build', 'test']);
  run(process.execPath, ['--input-type=module', '--eval', "await import('./package/dist/index.js')"], folder);
});
