// node read.mjs LIBRARY[+rtu] HOST PORT UNIT FUNCTION ADDRESS COUNT [BAD_ADDRESS]
// Reads with a Modbus library of others and prints one JSON line:
// {"words": [register…], "refusal": text}, the refusal being what it makes of a read of BAD_ADDRESS.

import { createRequire } from 'node:module';
import { connect } from 'node:net';

const require = createRequire(import.meta.url);
const [library, host, ...rest] = process.argv.slice(2);
const [port, unit, fn, address, count, bad] = rest.map(Number);

async function modbusSerial(connectTo = 'connectTCP') {
  const Client = require('modbus-serial');
  const client = new Client();
  client.setTimeout(5000);
  await client[connectTo](host, { port });
  client.setID(unit);
  const read = fn === 4 ? 'readInputRegisters' : 'readHoldingRegisters';
  const words = (await client[read](address, count)).data;
  const refusal = await client[read](bad, count).then(
    () => 'none',
    (error) => `exception ${error.modbusCode}`,
  );
  await new Promise((done) => client.close(done));
  return { words, refusal };
}

async function jsmodbus() {
  const { ModbusTCPClient } = require('jsmodbus');
  const socket = connect({ host, port });
  const client = new ModbusTCPClient(socket, unit, 5000);
  await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
  const read = fn === 4 ? 'readInputRegisters' : 'readHoldingRegisters';
  const words = (await client[read](address, count)).response.body.valuesAsArray;
  const refusal = await client[read](bad, count).then(
    () => 'none',
    (error) => `exception ${error.response.body.code}`,
  );
  socket.end();
  return { words: [...words], refusal };
}

const ways = {
  'modbus-serial': modbusSerial,
  'modbus-serial+rtu': () => modbusSerial('connectTelnet'),
  jsmodbus,
};
console.log(JSON.stringify(await ways[library]()));
