// Airflow shows the pages in a frame that may neither open a tab nor leave itself. A link that has to
// do so is clicked in the document around the frame, which is of the same server.
"use strict";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target]");
  if (!link || window === window.top || !/^https?:$/.test(link.protocol)) return;
  event.preventDefault();
  const outside = window.top.document;
  const copy = outside.createElement("a");
  copy.href = link.href;
  copy.target = link.target === "_top" ? "_self" : "_blank";
  copy.rel = "noopener noreferrer";
  outside.body.append(copy);
  copy.click();
  copy.remove();
});
