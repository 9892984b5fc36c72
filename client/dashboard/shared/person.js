// Who sits at this browser: a name for the audit trail, and the server's token. Kept by the browser.

/** The name that commands carry; empty until someone gave it. */
export const name = () => localStorage.getItem("beatwire-name") ?? "";
export const setName = (value) => localStorage.setItem("beatwire-name", value.trim());

/** The credential, for this tab only: it is forgotten when the tab is closed. */
export const token = () => sessionStorage.getItem("beatwire-token") ?? "";
export const setToken = (value) => sessionStorage.setItem("beatwire-token", value.trim());
