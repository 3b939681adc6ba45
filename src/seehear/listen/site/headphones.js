// Are headphones worn? Three tones, one is quieter, one has its two sides in opposite phase.
//
// From loudspeakers the sides of the opposed tone cancel in the air, so that it seems to be the quiet
// one; in headphones each ear hears one side and nothing cancels.
//
// Source: K. Woods, M. Siegel, J. Traer, J. McDermott, "Headphone screening to facilitate web-based
// auditory experiments", Attention, Perception & Psychophysics 79 (2017): 200 Hz, 6 dB, six trials.

const FREQUENCY_HZ = 200;
const TONE_S = 1;
const RAMP_S = 0.1;
const BETWEEN_S = 0.5;
const LEVEL = 0.25;
const QUIETER = 10 ** (-6 / 20);

export const NUM_TRIALS = 6;

/** Which of three tones is quiet and which has opposed sides. */
export function drawTrial() {
  const quiet = Math.floor(Math.random() * 3);
  const opposed = (quiet + 1 + Math.floor(Math.random() * 2)) % 3;
  return { quiet, opposed };
}

/**
 * Play the three tones.
 * @param {AudioContext} context
 * @param {{quiet: number, opposed: number}} trial
 * @param {(index: number) => void} sounding  told which tone is heard, -1 at the end
 */
export async function playTrial(context, { quiet, opposed }, sounding) {
  await context.resume();
  const begin = context.currentTime + 0.1;
  for (let index = 0; index < 3; index += 1) {
    const amplitude = index === quiet ? LEVEL * QUIETER : LEVEL;
    const source = new AudioBufferSourceNode(context, {
      buffer: tone(context, amplitude, index === opposed ? -1 : 1),
    });
    source.connect(context.destination);
    source.start(begin + index * (TONE_S + BETWEEN_S));
    await until(context, begin + index * (TONE_S + BETWEEN_S));
    sounding(index);
  }
  await until(context, begin + 3 * TONE_S + 2 * BETWEEN_S);
  sounding(-1);
}

/** A tone whose right side is multiplied by `sign`. */
function tone(context, amplitude, sign) {
  const rate = context.sampleRate;
  const buffer = context.createBuffer(2, Math.round(TONE_S * rate), rate);
  const [left, right] = [buffer.getChannelData(0), buffer.getChannelData(1)];
  for (let i = 0; i < left.length; i += 1) {
    const edge = Math.min(i, left.length - 1 - i) / rate / RAMP_S;
    const ramp = edge < 1 ? 0.5 - 0.5 * Math.cos(Math.PI * edge) : 1;
    left[i] = amplitude * ramp * Math.sin((2 * Math.PI * FREQUENCY_HZ * i) / rate);
    right[i] = sign * left[i];
  }
  return buffer;
}

function until(context, time) {
  return new Promise((resolve) => {
    const wait = () => {
      const left = time - context.currentTime;
      if (left <= 0) resolve();
      else setTimeout(wait, Math.max(10, 1000 * left));
    };
    wait();
  });
}
