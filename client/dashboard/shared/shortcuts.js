// Keys of one page, beside those of the frame (frame/keys.js). Gives what ends them.

/** `keys`: key → what it does, "Shift+" before the key where it is held. Fields keep their own keys. */
export function shortcuts(keys) {
  const listen = (event) => {
    if (event.target.closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[(event.shiftKey ? "Shift+" : "") + event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}
