// The start page at GET /, in headless Chromium, against a real server on loopback.
//
//   SERVER_BIN     the server binary (default: target/release/wavecast)
//   CHROMIUM       the browser (default: /usr/bin/chromium)
import './page/messages.mjs';
import './page/publishing.mjs';
import './page/rooms.mjs';
import './page/connection.mjs';
import './page/frozen.mjs';
import './page/load.mjs';
import './page/snippets.mjs';
import './page/words.mjs';
import './page/identity.mjs';
import './page/serving.mjs';
import './page/looks.mjs';
