// The dialog that asks who sits here, and for the server's token when it wants one.

import { form } from "../shared/form.js";
import { make } from "../shared/dom.js";
import { name, setName, setToken, token } from "../shared/person.js";

let open = null; // the promise of the dialog that is open

/** Ask for a name (and a token, saying so if one was refused); resolves when it is closed, true when filled in. */
export function signIn({ withToken = false } = {}) {
  open ??= ask(withToken).finally(() => (open = null));
  return open;
}

/** Make sure that there is a name to act in. */
export const identified = async () => Boolean(name()) || signIn();

function ask(withToken) {
  return new Promise((resolve) => {
    const fields = [{ name: "name", label: "Your name or role", value: name(), required: true, maxLength: 64, placeholder: "nurse-7" }];
    if (withToken) fields.push({ name: "token", label: "Access token", type: "password", required: true });
    let given = false;
    const dialog = make("dialog", { class: "dialog", "aria-labelledby": "signin-title", onclose });
    const submit = (values) => {
      setName(values.name);
      if (withToken) setToken(values.token);
      given = true;
      dialog.close();
    };
    const cancel = make("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel");
    dialog.append(
      make("h2", { id: "signin-title" }, withToken ? "This server wants an access token" : "Who are you?"),
      make("p", {}, "What you acknowledge, pause or change is recorded under this name and shown to everybody."),
      withToken && token() ? make("p", { class: "status bad", role: "alert" }, "The token given was refused.") : "",
      form({ fields, button: "Continue", submit }),
      cancel,
    );
    document.body.append(dialog);
    dialog.showModal();

    function onclose() {
      dialog.remove();
      resolve(given);
    }
  });
}
