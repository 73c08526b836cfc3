// Random UUIDs for the library itself. Knows only Math.random, which the engine reseeds for every guest.
'use strict';

const hex = (count) => {
  let text = '';
  while (text.length < count) text += Math.floor(Math.random() * 16).toString(16);
  return text;
};

const randomUUID = () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[Math.floor(Math.random() * 4)]}${hex(3)}-${hex(12)}`;

module.exports = { randomUUID };
