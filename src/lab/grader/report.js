// In each picture one bar can be reached with Tab; the arrow keys go on from there. The words of a bar
// are those of its title.
for (const picture of document.querySelectorAll("svg.scene")) {
  const bars = [...picture.querySelectorAll(".bar")];
  const said = picture.closest("section").querySelector("output");
  const middle = (bar) => Number(bar.getAttribute("x")) + Number(bar.getAttribute("width")) / 2;
  const go = (bar) => {
    if (!bar) return;
    for (const other of bars) other.setAttribute("tabindex", "-1");
    bar.setAttribute("tabindex", "0");
    bar.focus();
  };
  const say = (bar) => { said.textContent = bar.querySelector("title").textContent; };
  const beside = (bar, step) => {
    const lanes = [...new Set(bars.map((other) => Number(other.dataset.lane)))].sort((a, b) => a - b);
    const lane = lanes[lanes.indexOf(Number(bar.dataset.lane)) + step];
    const near = bars.filter((other) => Number(other.dataset.lane) === lane);
    near.sort((a, b) => Math.abs(middle(a) - middle(bar)) - Math.abs(middle(b) - middle(bar)));
    return near[0];
  };
  const along = (bar, step) => {
    const same = bars.filter((other) => other.dataset.lane === bar.dataset.lane);
    return same[same.indexOf(bar) + step];
  };
  const keys = {
    ArrowRight: (bar) => along(bar, 1), ArrowLeft: (bar) => along(bar, -1),
    ArrowUp: (bar) => beside(bar, -1), ArrowDown: (bar) => beside(bar, 1),
    Home: () => bars[0], End: () => bars[bars.length - 1],
  };
  picture.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const key = keys[event.key];
    if (!key || !event.target.classList.contains("bar")) return;
    event.preventDefault();
    go(key(event.target));
  });
  picture.addEventListener("focusin", (event) => {
    if (event.target.classList.contains("bar")) say(event.target);
  });
  picture.addEventListener("click", (event) => go(event.target.closest(".bar")));
  (bars.find((bar) => bar.classList.contains("lit")) || bars[0])?.setAttribute("tabindex", "0");
}
