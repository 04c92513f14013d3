// What npm runs before and after it packs this folder. The scripts that build the package are taken out of the packed
// package.json: it has no sources to build, and npm warns about the scripts of what it installs.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const FILE = 'package.json', KEPT = 'package.json.kept';

// Also what a run that was interrupted has left.
if (existsSync(KEPT)) renameSync(KEPT, FILE);
if (process.argv[2] === 'before') {
  await import('./build.mjs');
  const text = readFileSync(FILE, 'utf8');
  writeFileSync(KEPT, text);
  writeFileSync(FILE, text.replace(/^ *"(?:prepare|prepack|postpack)": .*\n/gm, ''));
}
