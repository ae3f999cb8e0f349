// The layer schedule as a curve: one point for each resolution (or layer), dragged or moved by keys.
//
// What moves is sent at once, and the next only when Python has answered (`data.echo`): the machine is never asked for
// more pictures than it can draw, and what is drawn is always the newest.
const LEFT = 38, RIGHT = 22, TOP = 24, BOTTOM = 40;  // px
const REACH = 22;  // px about a point that take hold of it: a thumb's breadth
const PATIENCE_MS = 3000;  // after which an answer is taken for lost
const KEYS = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1 };
const curves = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const svg = parentElement.querySelector("svg");
  let curve = curves.get(svg);
  if (!curve) {
    curve = { alphas: [], labels: [], sent: 0, answered: 0, sentAt: 0, waiting: null, held: null };
    curves.set(svg, curve);
    new ResizeObserver(() => draw(svg, curve)).observe(svg);
  }
  curve.send = (event) => setTriggerValue("moved", event);
  curve.sent = Math.max(curve.sent, data.echo);
  curve.answered = Math.max(curve.answered, data.echo);
  if (curve.waiting && curve.answered >= curve.sent) {
    const next = curve.waiting;
    curve.waiting = null;
    post(curve, next);
  }
  const settled = curve.held === null && !curve.waiting && curve.answered >= curve.sent;
  if (settled || curve.alphas.length !== data.alphas.length) curve.alphas = data.alphas.slice();
  curve.labels = data.labels;
  draw(svg, curve);
}

function post(curve, event) {
  const lost = performance.now() - curve.sentAt > PATIENCE_MS;
  if (curve.sent > curve.answered && !lost) {
    curve.waiting = event;
    return;
  }
  curve.sent += 1;
  curve.sentAt = performance.now();
  document.documentElement.dataset.blendganMove = curve.sent;  // faces.js asks for no more of what is overtaken
  curve.send({ ...event, number: curve.sent });
}

function move(svg, curve, i, alpha, final) {
  const rounded = Math.round(Math.min(1, Math.max(0, alpha)) * 100) / 100;
  if (rounded === curve.alphas[i] && !final) return;
  curve.alphas[i] = rounded;
  draw(svg, curve);
  post(curve, { alphas: curve.alphas.slice(), at: performance.now(), final });
}

function draw(svg, curve) {
  const width = svg.clientWidth || 300, height = heightOf(svg), count = curve.alphas.length;
  const x = (i) => LEFT + (width - LEFT - RIGHT) * (count > 1 ? i / (count - 1) : 0.5);
  const y = (alpha) => TOP + (height - TOP - BOTTOM) * (1 - alpha);
  if (svg.dataset.points !== String(count)) build(svg, curve, count);
  const each = (name, change) => svg.querySelectorAll(name).forEach(change);
  each(".grid", (line, j) => set(line, { x1: LEFT, x2: width - RIGHT, y1: y(j / 4), y2: y(j / 4) }));
  each(".share", (text, j) => set(text, { x: LEFT - 14, y: y(j / 2) + 4 }));
  each(".label", (text, i) => set(text, { x: x(i), y: height - 22 }).textContent = curve.labels[i]);
  set(svg.querySelector(".axis"), { x: (LEFT + width - RIGHT) / 2, y: height - 4 });
  set(svg.querySelector(".line"), { points: curve.alphas.map((alpha, i) => `${x(i)},${y(alpha)}`).join(" ") });
  each(".point", (point, i) => set(point, { cx: x(i), cy: y(curve.alphas[i]) }));
  each(".value", (text, i) => {
    set(text, { x: x(i), y: y(curve.alphas[i]) - 13 }).textContent = shortly(curve.alphas[i]);
  });
  each(".handle", (handle, i) => set(handle, {
    cx: x(i), cy: y(curve.alphas[i]), "aria-label": `${curve.labels[i]} px`, "aria-valuenow": curve.alphas[i],
    "aria-valuetext": `${curve.alphas[i].toFixed(2)} of TRANSFER`,
  }));
}

function build(svg, curve, count) {
  svg.dataset.points = count;
  svg.replaceChildren();
  const make = (tag, attributes, text = "") => {
    const node = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", tag));
    node.textContent = text;
    return set(node, attributes);
  };
  for (let j = 0; j <= 4; j++) make("line", { class: "grid" });
  for (let j = 0; j <= 2; j++) make("text", { class: "share", "text-anchor": "end" }, j / 2);
  for (let i = 0; i < count; i++) make("text", { class: "label", "text-anchor": "middle" });
  make("text", { class: "axis", "text-anchor": "middle" }, "resolution of the layer, px");
  make("polyline", { class: "line" });
  for (let i = 0; i < count; i++) make("circle", { class: "point", r: 8 });
  for (let i = 0; i < count; i++) make("text", { class: "value", "text-anchor": "middle" });
  for (let i = 0; i < count; i++) {
    const handle = make("circle", { class: "handle", r: REACH, tabindex: 0, role: "slider",
      "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 1 });
    listen(svg, curve, handle, i);
  }
}

function listen(svg, curve, handle, i) {
  const alphaAt = (event) => {
    const box = svg.getBoundingClientRect();
    return 1 - (event.clientY - box.top - TOP) / (heightOf(svg) - TOP - BOTTOM);
  };
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.focus({ focusVisible: false });
    curve.held = i;
  });
  handle.addEventListener("pointermove", (event) => {
    if (curve.held === i) move(svg, curve, i, alphaAt(event), false);
  });
  const end = () => {
    if (curve.held !== i) return;
    curve.held = null;
    move(svg, curve, i, curve.alphas[i], true);
  };
  handle.addEventListener("pointerup", end);
  handle.addEventListener("pointercancel", end);
  handle.addEventListener("keydown", (event) => {
    const to = { Home: 0, End: 1 }[event.key] ?? curve.alphas[i] + (KEYS[event.key] ?? NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    move(svg, curve, i, to, true);
  });
}

const shortly = (alpha) => alpha.toFixed(2).replace(/\.00$/, "").replace(/^0(?=\.)/, "");  // 0, .25, 1

const heightOf = (svg) => svg.clientHeight || 400;  // the style sheet's

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
