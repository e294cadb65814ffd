"use strict";
// The similarity grid tells the pair under the pointer, or under the arrow keys.
for (const cells of document.querySelectorAll(".cells")) {
  const n = Number(cells.dataset.n);
  const bytes = Uint8Array.from(atob(cells.dataset.cosines), (c) => c.charCodeAt(0));
  const cosines = new DataView(bytes.buffer);
  const figure = cells.closest("figure");
  const readout = figure.querySelector(".readout");
  const cursor = cells.querySelector(".cursor");
  const top = figure.querySelectorAll(".axis-top .face");
  const left = figure.querySelectorAll(".axis-left .face");
  let row = 0;
  let column = 0;

  const clear = () => {
    for (const face of [...top, ...left]) face.classList.remove("marked");
    cursor.hidden = true;
  };
  const show = () => {
    clear();
    top[column].classList.add("marked");
    left[row].classList.add("marked");
    cursor.hidden = false;
    cursor.style.cssText = `left:${(100 * column) / n}%;top:${(100 * row) / n}%;width:${100 / n}%;height:${100 / n}%`;
    const cosine = cosines.getInt16(2 * (row * n + column), true) / 1000;
    const text = document.createElement("span");
    text.textContent = `${cosine.toFixed(3)}: ${left[row].title} and ${top[column].title}`;
    readout.replaceChildren(left[row].cloneNode(), top[column].cloneNode(), text);
  };
  const within = (value) => Math.max(0, Math.min(n - 1, value));

  cells.addEventListener("pointermove", (event) => {
    const box = cells.getBoundingClientRect();
    column = within(Math.floor(((event.clientX - box.left) / box.width) * n));
    row = within(Math.floor(((event.clientY - box.top) / box.height) * n));
    show();
  });
  cells.addEventListener("pointerleave", clear);
  cells.addEventListener("focus", show);
  cells.addEventListener("blur", clear);
  cells.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    row = within(row + step[0]);
    column = within(column + step[1]);
    show();
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
