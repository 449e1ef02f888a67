// The clock of a server that has --debug-commands, moved on by a connection of its own.
'use strict';
const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');

module.exports = async function advanceClock(server, secs) {
  const [host, port] = server.split(':');
  const socket = net.connect(Number(port), host);
  socket.write(`debugtime ${secs}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  assert.equal(answer.toString(), 'OK\r\n');
};
