// How much padding a frame gets, by the session's paddingStrategy. Knows no frame.
'use strict';

const NONE = 0, ALIGNED = 1, MAX = 2;
const HEAD = 9;
const MOST = 256; // with the octet that tells the length

class Padding {
  constructor({ paddingStrategy }) {
    this.strategy = paddingStrategy ?? NONE;
  }

  // For `count` octets in a frame of at most `most`: 0, or the octets of padding with their length's.
  of(count, most) {
    if (this.strategy === NONE) return 0;
    const room = Math.min(MOST, most - count);
    if (room <= 0) return 0;
    if (this.strategy === MAX) return room;
    return Math.min((8 - (count + HEAD) % 8) % 8, room);
  }
}

module.exports = { ALIGNED, MAX, NONE, Padding };
