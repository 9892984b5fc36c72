// The subscription's socket: heartbeats, silence, reconnect after the last cursor.

const SILENCE = 5; // seconds without a frame (the gateway sends one each second)
const UNAUTHORIZED = 4401;

/** Follow the channels for ever; `after()` gives the cursor to resume from. */
export function follow(channels, after, onMessage, onState) {
  let failures = 0;
  const connect = () => {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/v1/subscribe`);
    const say = (message) => socket.send(JSON.stringify({ v: 1, ...message }));
    let heard = performance.now();
    const pulse = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) say({ type: "heartbeat", time: Date.now() / 1000 });
      if (performance.now() - heard > SILENCE * 1000) socket.close();
    }, 1000);
    socket.onopen = () => {
      const credential = sessionStorage.getItem("token") ?? "";
      say({ type: "subscribe", channels, after: after(), credential });
    };
    socket.onmessage = ({ data }) => {
      heard = performance.now();
      const message = JSON.parse(data);
      if (message.type === "problem") onState(false, message.text);
      else if (message.type === "snapshot") onState(true, "live");
      if (message.type !== "problem") failures = 0;
      onMessage(message);
    };
    socket.onclose = ({ code }) => {
      clearInterval(pulse);
      if (code === UNAUTHORIZED) sessionStorage.setItem("token", prompt("Access token") ?? "");
      else onState(false, "no connection: what is shown is old");
      failures += 1;
      setTimeout(connect, Math.min(8000, 250 * 2 ** failures) * (0.5 + Math.random() / 2));
    };
  };
  connect();
}
