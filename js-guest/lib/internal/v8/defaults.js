// v8.serialize and deserialize, and the classes behind them: views travel as Node writes them. Must not know channels.
'use strict';

const types = require('internal/util/types');
const { Serializer, tagOf } = require('internal/v8/serializer');
const { Deserializer } = require('internal/v8/deserializer');
const { HOST_VIEWS } = require('internal/v8/format');

const classes = {
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, DataView, BigInt64Array,
  BigUint64Array,
};

function nameOf(view) {
  if (view instanceof Buffer) return 'Buffer';
  return types.isDataView(view) ? 'DataView' : tagOf.call(view);
}

class DefaultSerializer extends Serializer {
  constructor() {
    super();
    this._setTreatArrayBufferViewsAsHostObjects(true);
  }

  _writeHostObject(view) {
    this.writeUint32(HOST_VIEWS.indexOf(nameOf(view)));
    this.writeUint32(view.byteLength);
    this.writeRawBytes(view);
  }
}
DefaultSerializer.prototype._getDataCloneError = Error;

class DefaultDeserializer extends Deserializer {
  _readHostObject() {
    const name = HOST_VIEWS[this.readUint32()];
    if (name === undefined) throw new Error('Unable to deserialize cloned data.');
    const bytes = this.readRawBytes(this.readUint32());
    if (name === 'Buffer') return Buffer.from(bytes);
    const Class = classes[name];
    const size = Class.BYTES_PER_ELEMENT ?? 1;
    if (bytes.length % size !== 0) throw new Error('Unable to deserialize cloned data.');
    const copy = new Uint8Array(bytes);
    return new Class(copy.buffer, 0, copy.length / size);
  }
}

function serialize(value) {
  const serializer = new DefaultSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

function deserialize(bytes) {
  const deserializer = new DefaultDeserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}

module.exports = { DefaultSerializer, DefaultDeserializer, serialize, deserialize };
