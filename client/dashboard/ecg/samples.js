// Blocks of samples as numbers: decoding, and joining blocks to leads with their holes. Pure.

/** base64 to bytes. */
export function bytes(text) {
  const letters = atob(text);
  const found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
  return found;
}

/** The int16 samples of a block, lead-major; `count` of each lead. */
export function decode(block) {
  const samples = new Int16Array(bytes(block.payload).buffer);
  return { samples, count: samples.length / block.leads.length };
}

/**
 * Blocks of one session, joined: { rate, first, end, leads: [{ name, values }] }, values in
 * microvolts from sample `first` on, NaN where nothing is stored. A lead keeps its gain and name
 * from block to block, whatever their order.
 */
export function assemble({ first, end, blocks }) {
  const leads = new Map();
  for (const block of blocks) {
    const { samples, count } = decode(block);
    block.leads.forEach((name, number) => {
      if (!leads.has(name)) leads.set(name, new Float32Array(end - first).fill(NaN));
      const values = leads.get(name);
      for (let i = Math.max(0, first - block.first); i < Math.min(count, end - block.first); i++) {
        values[block.first + i - first] = samples[number * count + i] * block.uv_per_lsb[number];
      }
    });
  }
  const rate = blocks.length ? blocks[0].rate : 0;
  return { rate, first, end, leads: [...leads].map(([name, values]) => ({ name, values })) };
}
