// One sweeping trace: a jitter buffer on the sample clock, an erase bar, gaps drawn as gaps.

const SECONDS = 20; // of samples kept
const DELAY = 0.4; // seconds behind the newest sample, so that late blocks are not seen
const MM = 96 / 25.4; // CSS pixels in a millimetre
const SPEED = 25 * MM; // pixels a second
const GAIN = 10 * MM / 1000; // pixels a microvolt
const BAR = 24; // pixels erased ahead of the pen

export class Signal {
  rate = 0;
  end = 0; // index after the newest sample
  play = 0; // index that the pen has reached
  #session = "";
  #ring = new Float32Array(0);
  #mean = 0;
  #block = 0;

  push(block) {
    if (block.session !== this.#session || block.rate !== this.rate) this.#restart(block);
    const bytes = Uint8Array.from(atob(block.payload), (c) => c.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer);
    const count = samples.length / block.leads.length;
    const size = this.#ring.length;
    const hole = Math.min(Math.max(block.first - this.end, 0), size);
    for (let i = block.first - hole; i < block.first; i++) this.#ring[i % size] = NaN;
    for (let i = 0; i < count; i++) {
      const value = samples[i] * block.uv_per_lsb[0];
      this.#mean += (value - this.#mean) * (3 / block.rate); // 0.5 Hz, for display only
      this.#ring[(block.first + i) % size] = value - this.#mean;
    }
    this.#block = count / block.rate;
    this.end = Math.max(this.end, block.first + count);
  }

  at(index) {
    return index < this.end - this.#ring.length ? NaN : this.#ring[index % this.#ring.length];
  }

  /** Move the pen on by `seconds`, a little faster or slower to stay DELAY behind. */
  advance(seconds) {
    const lag = (this.end - this.play) / this.rate - DELAY - this.#block / 2;
    if (lag > 3) this.play = this.end - Math.round(DELAY * this.rate);
    else this.play = Math.min(this.end, this.play + seconds * this.rate * Math.max(0, 1 + 0.3 * lag));
  }

  #restart(block) {
    this.#session = block.session;
    this.rate = block.rate;
    this.#ring = new Float32Array(Math.ceil(SECONDS * block.rate)).fill(NaN);
    this.#mean = new DataView(Uint8Array.from(atob(block.payload.slice(0, 4)), (c) => c.charCodeAt(0)).buffer)
      .getInt16(0, true) * block.uv_per_lsb[0];
    this.end = this.play = block.first;
  }
}

export class Trace {
  #canvas;
  #pen;
  #drawn = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
  }

  /** Draw what the pen passes in `seconds`. */
  draw(signal, seconds) {
    if (!signal.rate) return;
    const { width, height } = this.#fit();
    if (this.#drawn > signal.play) this.#drawn = signal.play;
    this.#drawn = Math.max(this.#drawn, signal.play - 3 * signal.rate);
    signal.advance(seconds);
    const pen = this.#pen;
    const x = (index) => ((index / signal.rate) * SPEED) % width;
    const y = (index) => height / 2 - signal.at(index) * GAIN;
    pen.beginPath();
    let down = false;
    for (let i = Math.floor(this.#drawn); i < Math.floor(signal.play); i++) {
      pen.clearRect(x(i + 1), 0, BAR, height);
      pen.clearRect(x(i + 1) - width, 0, BAR, height); // the bar runs over the right edge
      if (x(i + 1) > x(i) && !Number.isNaN(y(i)) && !Number.isNaN(y(i + 1))) {
        if (!down) pen.moveTo(x(i), y(i));
        pen.lineTo(x(i + 1), y(i + 1));
        down = true;
      } else down = false;
    }
    pen.strokeStyle = "#5fdc8c";
    pen.lineWidth = 1.5;
    pen.stroke();
    this.#drawn = signal.play;
  }

  /** Match the canvas to its place and the display's pixels; a new size starts an empty sweep. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
      this.#pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    return { width, height };
  }
}
