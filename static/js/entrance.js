// A share link holds its key behind #, which browsers do not send: it goes into the form, and the field out of sight.
const key = document.querySelector("[data-entrance] [name=token]");
const given = decodeURIComponent(location.hash.slice(1));
if (given) key.value = given;
if (key.value) key.closest(".field").hidden = true;
