// Follows the choice of dark or light that was made in Airflow, whose document is around the frame.
"use strict";

function follow() {
  const around = window === window.top ? null : window.top.document.documentElement.classList;
  const kept = localStorage.getItem("theme");
  const chosen = around ? (around.contains("dark") ? "dark" : "light") : kept;
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

follow();
window.addEventListener("storage", follow);
if (window !== window.top) {
  new MutationObserver(follow).observe(window.top.document.documentElement, { attributeFilter: ["class"] });
}
