// Advances the clock of a server with --debug-commands.
'use strict';
const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');

module.exports = async function advanceClock(server, secs) {
  const [host, port] = server.split(':');
  const socket = net.connect(Number(port), host);
  socket.write(`debugtime ${secs}\r\n`);
  const [reply] = await once(socket, 'data');
  socket.destroy();
  assert.equal(reply.toString(), 'OK\r\n');
};
