// A QUIC client that is not ours (quiche, by way of @matrixai/quic) talks to a quicsync node, byte by byte as
// docs/WIRE.md says.
//   node foreign_peer.mjs PORT TRUST_DIRECTORY
// TRUST_DIRECTORY holds ca.pem, and foreign.pem and foreign.key of a node named "foreign". Prints one line a case; ends
// with 0 only if all of them are as they should be.
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { setTimeout as after } from 'node:timers/promises';
import Logger, { Handler, LogLevel } from '@matrixai/logger';
import { QUICClient, events } from '@matrixai/quic';

const [port, trust] = [Number(process.argv[2]), process.argv[3]];
const patienceMs = 10_000;  // a stuck case is a failure; what must happen "at once" has its own bound
const atOnceMs = 2_000;     // far below the client's idle timeout
const text = (name) => readFileSync(`${trust}/${name}`, 'utf8');

// -- docs/WIRE.md, "numbers" and "frames" ------------------------------------------------------------------------------

function varint(number) {
  const bytes = [];
  let left = BigInt(number);
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}
const textOf = (string) => Buffer.concat([varint(Buffer.byteLength(string)), Buffer.from(string)]);
const u64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(number);
  return bytes;
};
const frame = (type, ...payload) => {
  const whole = Buffer.concat(payload);
  return Buffer.concat([Buffer.from([type]), varint(whole.length), whole]);
};
const u8 = (number) => Buffer.from([number]);

const [typeHello, typePing, typePong] = [0x02, 0x08, 0x09];
const hello = (name) =>
  frame(typeHello, varint(1), varint(1), textOf(name), u8(1), u64(0x1122334455667788n), varint(0), varint(16 << 20),
        u8(1), u64(0n), varint(0), u8(0));

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  u8() {
    if (this.at >= this.bytes.length) throw new RangeError('the bytes end too early');
    return this.bytes[this.at++];
  }
  varint() {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = BigInt(this.u8());
      value |= (byte & 127n) << shift;
      if (byte < 128n) return Number(value);
    }
  }
  take(count) {
    if (this.at + count > this.bytes.length) throw new RangeError('the bytes end too early');
    return this.bytes.subarray(this.at, (this.at += count));
  }
  text() {
    return this.take(this.varint()).toString();
  }
}

// The whole frames at the start of a lane.
function framesOf(bytes) {
  const reader = new Reader(bytes);
  const frames = [];
  try {
    for (;;) {
      const type = reader.u8();
      frames.push({ type, payload: reader.take(reader.varint()) });
    }
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem;
  }
  return frames;
}

// -- the client --------------------------------------------------------------------------------------------------------

const clientCrypto = {
  ops: {
    async randomBytes(into) {
      webcrypto.getRandomValues(new Uint8Array(into));
    },
  },
};

// The client's log: quiet, but for when it heard of the end. (Its promise waits for the draining period as well.)
class Ear extends Handler {
  heardAt = undefined;
  emit(line) {
    if (line.includes('Peer closed with')) this.heardAt ??= Date.now();
  }
}

function dial(config, ear = new Ear()) {
  return QUICClient.createQUICClient(
    {
      logger: new Logger('foreign', LogLevel.INFO, [ear]),
      host: '127.0.0.1',
      port,
      localHost: '127.0.0.1',
      serverName: 'localhost',
      crypto: clientCrypto,
      config: {
        verifyPeer: true,
        // The certificate names the node, not this machine: the chain is checked here, the name is not.
        verifyCallback: async () => undefined,
        ca: text('ca.pem'),
        applicationProtos: ['quicsync/1'],
        maxIdleTimeout: 30_000,
        initialMaxStreamsUni: 4,
        ...config,
      },
    },
    { timer: patienceMs },
  );
}

// Collects what the node sends, by lane.
class Lanes {
  constructor(connection) {
    this.lanes = new Map();
    this.seen = new Set();
    connection.addEventListener(events.EventQUICConnectionStream.name, (event) => this.follow(event.detail));
    for (const stream of connection.streamMap.values()) this.follow(stream);
  }
  async follow(stream) {
    if (stream.initiated !== 'peer' || this.seen.has(stream.streamId)) return;
    this.seen.add(stream.streamId);
    let bytes = Buffer.alloc(0);
    try {
      for await (const chunk of stream.readable) {
        bytes = Buffer.concat([bytes, chunk]);
        this.lanes.set(bytes[0], bytes.subarray(1));
      }
    } catch {
      // The connection's end ends its streams.
    }
  }
  async frame(lane, type) {
    for (const end = Date.now() + patienceMs; Date.now() < end; await after(10)) {
      const found = framesOf(this.lanes.get(lane) ?? Buffer.alloc(0)).find((each) => each.type === type);
      if (found) return new Reader(found.payload);
    }
    throw new Error(`no frame of type ${type} on lane ${lane} within ${patienceMs} ms`);
  }
}

function expect(what, got, wanted) {
  if (got !== wanted) throw new Error(`${what} is ${got}, not ${wanted}`);
}

// The QUIC error code with which the connection ends, and how long after the dial the client heard of it.
async function refusalOf(config) {
  const ear = new Ear();
  const begin = Date.now();
  const outcome = (problem) => ({ code: codeOf(problem), ms: ear.heardAt - begin });
  const codeOf = (problem) => {
    for (let each = problem; each != null; each = each.cause)
      if (each.data?.errorCode !== undefined) return each.data.errorCode;
    throw problem;
  };
  let client;
  try {
    client = await dial(config, ear);
  } catch (problem) {
    return outcome(problem);
  }
  // TLS 1.3: this side is done before the other has looked at its certificate.
  const closed = new Promise((resolve) => {
    client.connection.addEventListener(events.EventQUICConnectionClose.name, (event) => resolve(event.detail));
  });
  const problem = await Promise.race([closed, after(patienceMs).then(() => new Error('the connection stays open'))]);
  await client.destroy({ force: true });
  return outcome(problem);
}

// -- the cases ---------------------------------------------------------------------------------------------------------

const own = { key: text('foreign.key'), cert: text('foreign.pem') };
// RFC 9001 section 4.8: a TLS alert is the QUIC error 0x100 plus its number.
const alert = (number) => 0x100 + number;

async function refused(config, name, number) {
  const { code, ms } = await refusalOf(config);
  expect('the QUIC error code', code, alert(number));
  if (!(ms <= atOnceMs)) throw new Error(`the alert came after ${ms} ms`);
  return `TLS alert ${number} (${name}) after ${ms} ms`;
}

const cases = {
  'a mutual handshake with ALPN quicsync/1, hello for hello, ping for pong': async () => {
    const client = await dial(own);
    const lanes = new Lanes(client.connection);
    const control = client.connection.newStream('uni');
    const writer = control.writable.getWriter();
    await writer.write(Buffer.concat([u8(0), hello('foreign')]));
    const theirs = await lanes.frame(0, typeHello);
    expect('the lowest wire version', theirs.varint(), 1);
    expect('the highest wire version', theirs.varint(), 1);
    expect('the name in hello', theirs.text(), 'alpha');
    expect('the role in hello', theirs.u8(), 0);
    await writer.write(frame(typePing, u64(0xfeedn)));
    const pong = await lanes.frame(0, typePong);
    expect('the pong', pong.take(8).readBigUInt64LE(), 0xfeedn);
    await client.destroy({ force: true });
    return "the node says hello as 'alpha', wire version 1, and answers";
  },
  'a name in hello that is not the certificate\'s ends the connection with error 402': async () => {
    const client = await dial(own);
    const closed = new Promise((resolve) => {
      client.connection.addEventListener(events.EventQUICConnectionClose.name, (event) => resolve(event.detail));
    });
    const writer = client.connection.newStream('uni').writable.getWriter();
    await writer.write(Buffer.concat([u8(0), hello('somebody-else')]));
    const problem = await Promise.race([closed, after(patienceMs)]);
    await client.destroy({ force: true });
    expect('the application error code', problem?.data?.errorCode, 402);
    return 'code 402';
  },
  'without a certificate it is refused, with the alert visible at once': () =>
    refused({}, 'certificate_required', 116),
  'with another ALPN it is refused, with the alert visible at once': () =>
    refused({ ...own, applicationProtos: ['h3'] }, 'no_application_protocol', 120),
};

let failures = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    const outcome = await Promise.race([
      run(),
      after(2 * patienceMs).then(() => {
        throw new Error('it takes too long');
      }),
    ]);
    console.log(`passed: ${name}: ${outcome}`);
  } catch (problem) {
    ++failures;
    console.log(`FAILED: ${name}: ${problem?.message ?? problem}`);
  }
}
process.exit(failures === 0 ? 0 : 1);
