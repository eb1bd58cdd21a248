// The container: a ZIP file of which every byte follows from names, sizes and checksums
// (docs/dossier.md, section 2). Nothing is ever inflated.

import { concat, equal, utf8 } from "./bytes.js";
import { refused, unproven } from "./faults.js";

export const MAX_BYTES = 0xfffffffe;
export const MAX_MEMBERS = 4096;
const MAX_NAME = 128;
const CHUNK = 1 << 20;
// Up to here a file is read at once: each read asks another process of the browser.
const SMALL = 16 << 20;
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const LOCAL_MAGIC = Uint8Array.of(0x50, 0x4b, 3, 4);
const CENTRAL_MAGIC = Uint8Array.of(0x50, 0x4b, 1, 2);
const END_MAGIC = Uint8Array.of(0x50, 0x4b, 5, 6);
const VERSION = 20;
const DATE = 0x0021; // 1980-01-01

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(data, before) {
  let crc = ~before;
  for (let at = 0; at < data.length; at++) crc = CRC_TABLE[(crc ^ data[at]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

// Little-endian numbers: each item is [bytes, value].
function pack(magic, fields) {
  const out = new Uint8Array(magic.length + fields.reduce((size, [bytes]) => size + bytes, 0));
  out.set(magic);
  const view = new DataView(out.buffer);
  let at = magic.length;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return out;
}

function unpack(data, layout) {
  const view = new DataView(data.buffer, data.byteOffset);
  let at = 4;
  return layout.map((bytes) => {
    const value = bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    at += bytes;
    return value;
  });
}

const CENTRAL = [2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4];
const END = [2, 2, 2, 2, 4, 4, 2];

class Member {
  constructor(name, size, crc, offset) {
    Object.assign(this, { name, size, crc, offset });
    this.start = offset + LOCAL_SIZE + name.length;
    this.end = this.start + size;
  }

  localHeader() {
    const { name, size, crc } = this;
    const fields = [
      [2, VERSION], [2, 0], [2, 0], [2, 0], [2, DATE], [4, crc], [4, size], [4, size],
      [2, name.length], [2, 0],
    ]; // prettier-ignore
    return concat(pack(LOCAL_MAGIC, fields), utf8(name));
  }

  centralHeader() {
    const { name, size, crc, offset } = this;
    const fields = [
      [2, VERSION], [2, VERSION], [2, 0], [2, 0], [2, 0], [2, DATE], [4, crc], [4, size], [4, size],
      [2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset],
    ]; // prettier-ignore
    return concat(pack(CENTRAL_MAGIC, fields), utf8(name));
  }
}

const endRecord = (members, size, offset) =>
  pack(END_MAGIC, [[2, 0], [2, 0], [2, members], [2, members], [4, size], [4, offset], [2, 0]]);

export function checkName(name, offset = null) {
  const shown = [...name]
    .map((letter) =>
      letter >= " " && letter <= "~" ? letter : `\\x${letter.codePointAt(0).toString(16).padStart(2, "0")}`,
    )
    .join("")
    .slice(0, MAX_NAME);
  const refuse = (code, why) => refused(code, why, { where: shown, offset });
  if (/[^\x00-\x7f]/.test(name)) throw refuse("name-not-ascii", "a name is ASCII");
  if (/^[/\\]/.test(name) || /^[A-Za-z]:/.test(name)) {
    throw refuse("absolute-name", "a name is relative");
  }
  const segments = name.split(/[/\\]/);
  if (segments.includes("..") || segments.includes(".")) {
    throw refuse("path-traversal", "a name does not lead out of its folder");
  }
  if (!name || name.length > MAX_NAME) {
    throw refuse("bad-name", `a name has 1 to ${MAX_NAME} characters`);
  }
  if (!name.split("/").every((segment) => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(segment))) {
    throw refuse("bad-name", "a name is letters, digits, dot, dash and underscore");
  }
  return name;
}

function checkOrder(names) {
  const seen = new Map();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other === name) {
      throw refused("duplicate-name", "two members have this name", { where: name });
    }
    if (other !== undefined) {
      throw refused("names-alike", `differs from ${other} in large letters only`, { where: name });
    }
    seen.set(name.toLowerCase(), name);
  }
  for (let at = 1; at < names.length; at++) {
    if (names[at] < names[at - 1]) {
      throw refused("not-sorted", `stands after ${names[at - 1]}`, { where: names[at] });
    }
  }
}

export class Container {
  static async open(blob) {
    const container = new Container();
    container.source = await Source.of(blob);
    container.members = await readListing(container.source);
    container.byName = new Map(container.members.map((member) => [member.name, member]));
    return container;
  }

  has(name) {
    return this.byName.has(name);
  }

  member(name) {
    const found = this.byName.get(name);
    if (!found) throw refused("bad-members", "is missing", { where: name });
    return found;
  }

  async *chunks(member) {
    let crc = 0;
    for (let at = member.start; at < member.end; at += CHUNK) {
      const chunk = await this.source.bytes(at, Math.min(at + CHUNK, member.end));
      crc = crc32(chunk, crc);
      yield chunk;
    }
    if (crc !== member.crc) {
      throw Object.assign(unproven("bad-checksum", "its bytes are not those of its CRC-32"), {
        where: member.name,
        offset: member.start,
      });
    }
  }

  async read(member, limit) {
    if (member.size > limit) {
      throw refused("container-too-large", `has ${member.size} bytes; at most ${limit} are read`, {
        where: member.name,
        offset: member.start,
      });
    }
    const parts = [];
    for await (const chunk of this.chunks(member)) parts.push(chunk);
    return concat(...parts, new Uint8Array());
  }

  async *lines(member, limit) {
    let rest = new Uint8Array();
    for await (const chunk of this.chunks(member)) {
      rest = concat(rest, chunk);
      let start = 0;
      let end;
      while ((end = rest.indexOf(10, start)) >= 0) {
        if (end - start > limit) break;
        yield rest.slice(start, end);
        start = end + 1;
      }
      rest = rest.slice(start);
      if (rest.length > limit) {
        throw refused("container-too-large", `a line has more than ${limit} bytes`, {
          where: member.name,
          offset: member.start,
        });
      }
    }
    if (rest.length) {
      throw refused("bad-members", "its last line has no end", {
        where: member.name,
        offset: member.end,
      });
    }
  }
}

// The bytes of a file, which are not changed by whoever gets them.
class Source {
  static async of(blob) {
    const source = new Source();
    Object.assign(source, { blob, size: blob.size, whole: null });
    if (blob.size <= SMALL) source.whole = new Uint8Array(await blob.arrayBuffer());
    return source;
  }

  async bytes(start, end) {
    const from = Math.max(start, 0);
    if (this.whole) return this.whole.subarray(from, end);
    return new Uint8Array(await this.blob.slice(from, end).arrayBuffer());
  }
}

async function readListing(source) {
  if (!source.size) throw refused("empty", "the file has no bytes", { offset: 0 });
  if (source.size > MAX_BYTES) {
    throw refused("container-too-large", `has ${source.size} bytes; at most ${MAX_BYTES} are read`);
  }
  const { count, size, offset } = await readEnd(source);
  const first = await source.bytes(0, 4);
  if (!equal(first, LOCAL_MAGIC) && offset) {
    throw refused("leading-data", "the file does not begin with a member", { offset: 0 });
  }
  const members = readDirectory(await source.bytes(offset, offset + size), count, offset);
  checkOrder(members.map((member) => member.name));
  for (const member of members) {
    const found = await source.bytes(member.offset, member.start);
    compare(found, member.localHeader(), `local header of ${member.name}`, member.offset);
  }
  return members;
}

async function readEnd(source) {
  const start = source.size - END_SIZE;
  const tail = await source.bytes(start - LONGEST_COMMENT, source.size);
  const record = tail.subarray(Math.max(tail.length - END_SIZE, 0));
  if (record.length < END_SIZE || !equal(record.subarray(0, 4), END_MAGIC)) {
    for (let at = tail.length - END_SIZE - 1; at >= 0; at--) {
      if (equal(tail.subarray(at, at + 4), END_MAGIC)) {
        throw refused("trailing-data", "bytes follow the end record", {
          offset: source.size - tail.length + at + END_SIZE,
        });
      }
    }
    throw refused("not-a-zip", "there is no end record: no ZIP file, or one that was cut", {
      offset: Math.max(start, 0),
    });
  }
  const [, , , count, size, offset, comment] = unpack(record.slice(), END);
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
    throw refused("zip64", "a ZIP64 end record", { offset: start });
  }
  if (comment) throw refused("trailing-data", "a comment in the end record", { offset: start + 20 });
  if (count > MAX_MEMBERS) {
    throw refused("too-many-members", `${count} members; at most ${MAX_MEMBERS} are read`, {
      offset: start + 10,
    });
  }
  if (offset + size < start) {
    const more = start - offset - size;
    throw refused("leading-data", `${more} bytes more than the headers account for`, { offset: 0 });
  }
  if (offset + size > start) {
    throw refused("false-size", "the central directory does not fit the file", { offset: start });
  }
  if (!count) throw refused("empty", "the archive has no members", { offset: start });
  compare(record, endRecord(count, size, offset), "end record", start);
  return { count, size, offset };
}

function readDirectory(directory, count, offset) {
  const members = [];
  let [at, expected] = [0, 0];
  for (let number = 0; number < count; number++) {
    const place = offset + at;
    const fields = directory.slice(at, at + CENTRAL_SIZE);
    if (fields.length < CENTRAL_SIZE || !equal(fields.subarray(0, 4), CENTRAL_MAGIC)) {
      throw refused("bad-header", "not a line of the central directory", { offset: place });
    }
    const values = unpack(fields, CENTRAL);
    const [crc, size, nameSize, start] = [values[6], values[8], values[9], values[15]];
    const letters = directory.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameSize);
    const name = checkName(Array.from(letters, (byte) => String.fromCharCode(byte)).join(""), place);
    const member = new Member(name, size, crc, start);
    checkFields(values, name, place);
    checkPlace(member, expected, offset, place);
    const header = member.centralHeader();
    const where = `central header of ${name}`;
    compare(directory.subarray(at, at + header.length), header, where, place);
    members.push(member);
    expected = member.end;
    at += header.length;
  }
  if (at !== directory.length) {
    throw refused("gap", "bytes after the last line of the central directory", {
      offset: offset + at,
    });
  }
  if (expected !== offset) {
    throw refused("gap", "bytes after the last member", { offset: expected });
  }
  return members;
}

// Says by name what the comparison of bytes would call a difference.
function checkFields(values, name, place) {
  const [, , flags, method, , , , stored, size, , extra, comment, , , attributes] = values;
  const found = [
    [flags & 1, "encrypted-member", "is encrypted"],
    [method, "compressed-member", "is compressed"],
    [flags & 8, "data-descriptor", "has a data descriptor"],
    [![0, 4, 8].includes(attributes >>> 28), "link", "is a link or special file"],
    [stored === 0xffffffff || size === 0xffffffff, "zip64", "has ZIP64 sizes"],
    [extra, "extra-field", "has an extra field"],
    [comment, "comment", "has a comment"],
  ];
  for (const [isSo, code, why] of found) {
    if (isSo) throw refused(code, why, { where: name, offset: place });
  }
}

function checkPlace(member, expected, end, place) {
  const { name, size, offset } = member;
  if (offset < expected) {
    throw refused("overlapping-members", "shares bytes with another", { where: name, offset: place });
  }
  if (offset > expected) {
    throw refused("gap", "bytes before it belong to no member", { where: name, offset: expected });
  }
  if (member.end > end) {
    throw refused("false-size", `claims ${size} bytes that the file does not have`, {
      where: name,
      offset: place,
    });
  }
}

function compare(found, expected, where, offset) {
  if (equal(found, expected)) return;
  const shared = Math.min(found.length, expected.length);
  let at = 0;
  while (at < shared && found[at] === expected[at]) at++;
  throw refused("bad-header", "is not what the listing leads to", { where, offset: offset + at });
}
