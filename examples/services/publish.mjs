const response = await fetch('http://127.0.0.1:3000/api/events', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ channel: 'orders', event: 'order.created', id: 'order-18', data: { total: 13 } }),
});
console.log(await response.text());
