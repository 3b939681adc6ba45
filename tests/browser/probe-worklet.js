// Keeps what it hears in blocks of about 40 ms, with the number of their first sample.

const LENGTH = 2048;

registerProcessor("probe", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.fresh();
  }

  fresh() {
    this.filled = 0;
    this.channels = [new Float32Array(LENGTH), new Float32Array(LENGTH)];
  }

  process([input]) {
    if (this.filled === 0) this.begin = currentFrame;
    const length = 128;
    this.channels.forEach((channel, i) => {
      if (input.length) channel.set(input[Math.min(i, input.length - 1)], this.filled);
    });
    this.filled += length;
    if (this.filled === LENGTH) {
      this.port.postMessage({ begin: this.begin, channels: this.channels });
      this.fresh();
    }
    return true;
  }
});
