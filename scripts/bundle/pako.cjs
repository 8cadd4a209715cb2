// What isomorphic-git uses of pako, by the zlib that Node has: faster, and 45 KB less to load.
// Same results and the same kinds of error; test/unit/bundle compares both.
const { deflateSync, inflateSync } = require('node:zlib');

/** pako throws the message as a string. */
function inflate(bytes) {
  try {
    return inflateSync(bytes);
  } catch (error) {
    throw error.message;
  }
}

/** Inflates one zlib stream whose end inside its input is not known before; `strm.avail_in` are the bytes behind that end. */
class Inflate {
  constructor() {
    this.err = 0;
    this.msg = '';
    this.result = undefined;
    this.strm = { avail_in: 0 };
    this.parts = [];
  }

  push(chunk) {
    const before = this.parts.reduce((sum, part) => sum + part.length, 0);
    this.parts.push(chunk);
    const input = this.parts.length === 1 ? chunk : Buffer.concat(this.parts);
    try {
      const { buffer, engine } = inflateSync(input, { info: true });
      this.result = buffer;
      this.strm.avail_in = before + chunk.length - engine.bytesWritten;
      this.parts = [];
      return true;
    } catch (error) {
      // The end of the stream has not come yet.
      if (error.code === 'Z_BUF_ERROR') return true;
      this.err = error.errno ?? -3;
      this.msg = error.message;
      return false;
    }
  }
}

module.exports = { Inflate, inflate, deflate: (bytes) => deflateSync(bytes) };
