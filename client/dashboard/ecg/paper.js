// ECG paper on a canvas: millimetres, the grid, the calibration mark. CSS pixels throughout.

export const MM = 96 / 25.4; // CSS pixels in a millimetre
export const SPEEDS = [12.5, 25, 50]; // mm/s
export const GAINS = [2.5, 5, 10, 20]; // mm/mV

/** Pixels of a second and of a microvolt. */
export const scale = (speed = 25, gain = 10) => ({ second: speed * MM, microvolt: (gain * MM) / 1000 });

/** Match a canvas to its place and to the display's pixels; whether that changed it (it is empty then). */
export function fit(canvas, width = canvas.clientWidth, height = canvas.clientHeight, ratio = globalThis.devicePixelRatio || 1) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width === wide && canvas.height === high) return false;
  canvas.width = wide;
  canvas.height = high;
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
  return true;
}

/** The grid: a fine line each millimetre, a stronger one each five. */
export function grid(pen, width, height, { fine, strong }) {
  for (const [step, colour] of [[MM, fine], [5 * MM, strong]]) {
    pen.beginPath();
    for (let x = 0; x <= width; x += step) line(pen, x, 0, x, height);
    for (let y = 0; y <= height; y += step) line(pen, 0, y, width, y);
    pen.strokeStyle = colour;
    pen.lineWidth = 0.5;
    pen.stroke();
  }
}

/** The calibration pulse: 1 mV high, five millimetres wide (200 ms at 25 mm/s), about `middle`. */
export function calibration(pen, left, middle, gain, colour) {
  const high = gain * MM;
  const [top, bottom] = [middle - high / 2, middle + high / 2];
  pen.beginPath();
  pen.moveTo(left, bottom);
  for (const [x, y] of [[1, bottom], [1, top], [4, top], [4, bottom], [5, bottom]]) pen.lineTo(left + x * MM, y);
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.stroke();
}

function line(pen, x0, y0, x1, y1) {
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
}
