// Shows buttons that need passkeys where the browser has them, and says so when using one fails.
// Browsers have them on https and on this machine alone.
if (window.PublicKeyCredential) {
  for (const element of document.querySelectorAll("[data-needs-passkeys]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-no-passkeys]")) element.hidden = true;
}
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const failure = document.querySelector("[data-passkey-failure]");
  document.querySelector("main h1").after(failure);
  failure.hidden = false;
  failure.scrollIntoView({ block: "center" });
});
