import { Wavecast } from 'wavecast';
import WebSocket from 'ws'; // Node 22 has its own

const client = new Wavecast('ws://127.0.0.1:3000/ws', { WebSocket });
client.on('status', ({ nextRetryAt }) => nextRetryAt && console.log('reconnecting'));
const orders = client.channel('orders');
orders.on('message', ({ data }) => console.log(data));
orders.on('gap', () => console.log('missed some: load the orders from the database'));
await orders.subscribe();
console.log('subscribed');
