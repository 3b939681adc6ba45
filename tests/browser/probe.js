// Measures what a page plays and shows. Put into the page before its own scripts.
//
// All sound on its way to the loudspeaker also runs through an audio worklet that keeps it with the
// time of its context; each frame of the video that is shown is looked at and kept with its times.

window.probe = { blocks: [], frames: [], stamps: [], ready: null, context: null };

(() => {
  const connect = AudioNode.prototype.connect;
  const buses = new Map();

  function busOf(context) {
    if (buses.has(context)) return buses.get(context);
    const bus = new GainNode(context);
    buses.set(context, bus);
    connect.call(bus, context.destination);
    probe.context = context;
    const module = URL.createObjectURL(new Blob([probeWorklet], { type: "text/javascript" }));
    probe.ready = context.audioWorklet.addModule(module).then(() => {
      const tap = new AudioWorkletNode(context, "probe", { numberOfOutputs: 0, channelCount: 2, channelCountMode: "explicit" });
      tap.port.onmessage = ({ data }) => probe.blocks.push(data);
      connect.call(bus, tap);
      const stamp = () => {
        const { contextTime, performanceTime } = context.getOutputTimestamp();
        if (performanceTime > 0) probe.stamps.push([contextTime, performanceTime]);
      };
      setInterval(stamp, 50);
    });
    return bus;
  }

  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) return connect.call(this, busOf(target.context), ...rest);
    return connect.call(this, target, ...rest);
  };

  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [8, 8];
  const drawing = canvas.getContext("2d", { willReadFrequently: true });

  probe.watch = () => {
    const video = document.querySelector("video");
    const look = (_, frame) => {
      drawing.drawImage(video, 0, 0, 8, 8);
      const pixels = drawing.getImageData(0, 0, 8, 8).data;
      let sum = 0;
      for (let i = 0; i < pixels.length; i += 4) sum += pixels[i];
      probe.frames.push([frame.mediaTime, frame.expectedDisplayTime, sum / 64]);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  };

  /** Everything since the last call; sound as base64 of float32, left then right. */
  probe.take = () => {
    const { blocks, frames, stamps } = probe;
    Object.assign(probe, { blocks: [], frames: [], stamps: [] });
    const pack = (channel) => {
      const length = blocks.reduce((sum, block) => sum + block.channels[0].length, 0);
      const all = new Float32Array(length);
      let at = 0;
      for (const block of blocks) {
        all.set(block.channels[channel], at);
        at += block.channels[channel].length;
      }
      const bytes = new Uint8Array(all.buffer);
      let text = "";
      for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      return btoa(text);
    };
    return {
      rate: probe.context.sampleRate,
      begin: blocks.length ? blocks[0].begin : 0,
      lost: blocks.some((block, i) => i && block.begin !== blocks[i - 1].begin + blocks[i - 1].channels[0].length),
      left: pack(0),
      right: pack(1),
      frames,
      stamps,
    };
  };
})();
