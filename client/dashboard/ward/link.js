// The subscription's socket: heartbeats, silence, reconnect after the last cursor.

import { token } from "../shared/person.js";

const SILENCE = 5; // seconds without a frame (the gateway sends one each second)
const UNAUTHORIZED = 4401;
const CHANNELS = ["alarms", "beats", "vitals", "waveform"];

/**
 * Follow everything for ever.
 *
 * `after()` gives the cursor to resume from, `onMessage` takes each message, `onState(up, words)`
 * hears of the connection; `onUnauthorized` returns a promise: whether there are new credentials.
 */
export function follow({ after, onMessage, onState, onUnauthorized }) {
  let failures = 0;
  const connect = () => {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/v1/subscribe`);
    const say = (message) => socket.send(JSON.stringify({ v: 1, ...message }));
    let heard = performance.now();
    const pulse = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) say({ type: "heartbeat", time: Date.now() / 1000 });
      if (performance.now() - heard > SILENCE * 1000) socket.close();
    }, 1000);
    socket.onopen = () => say({ type: "subscribe", channels: CHANNELS, after: after(), credential: token() });
    socket.onmessage = ({ data }) => {
      heard = performance.now();
      const message = JSON.parse(data);
      if (message.type === "problem") onState(false, message.text);
      else failures = 0;
      if (message.type === "snapshot") onState(true, "live");
      onMessage(message);
    };
    socket.onclose = async ({ code }) => {
      clearInterval(pulse);
      failures += 1;
      if (code !== UNAUTHORIZED) onState(false, "no connection: what is shown is old");
      else if (await onUnauthorized()) failures = 0;
      setTimeout(connect, Math.min(8000, 250 * 2 ** failures) * (0.5 + Math.random() / 2));
    };
  };
  connect();
}
