"use strict";
// Asks the browser for a passkey, or to make one, and sends what it answers with the form that stands on the page.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  const plain = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  };

  const asked = async (form) => {
    const csrf = form.elements.namedItem("csrf");
    const body = new URLSearchParams(csrf ? {csrf: csrf.value} : {});
    const answer = await fetch(form.dataset.passkey, {method: "POST", body, credentials: "same-origin"});
    const options = await answer.json();
    if (!answer.ok) throw new Error(options.detail ?? "");
    options.challenge = bytes(options.challenge);
    for (const one of options.excludeCredentials ?? []) one.id = bytes(one.id);
    if (options.user) options.user.id = bytes(options.user.id);
    return options;
  };

  const run = async (form) => {
    const said = form.querySelector("[data-said]");
    said.textContent = "";
    try {
      const publicKey = await asked(form);
      const credential = publicKey.user
        ? await navigator.credentials.create({publicKey})
        : await navigator.credentials.get({publicKey});
      form.elements.namedItem("credential").value = JSON.stringify(plain(credential));
      form.submit();
    } catch (error) {
      said.textContent = error.name === "InvalidStateError"
        ? "This device has a passkey of yours here already."
        : error.name === "NotAllowedError" ? "It was not done: cancelled, or too slow." : error.message || "It did not work.";
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      run(form);
    });
  }
})();
