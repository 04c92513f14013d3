import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const secret = readFileSync('token.secret', 'utf8').trimEnd();
const now = Math.floor(Date.now() / 1000);
const claims = { sub: 'ada', iat: now, exp: now + 3600, channels: { orders: ['subscribe', 'history'] } };
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
console.log(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
