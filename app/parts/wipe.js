// Pairs of pictures, one over the other, parted by a line that all pairs share: dragged, touched, or moved by keys.
//
// The line moves here alone; Python hears of it when it rests, to keep it in the address.
const RESTS_MS = 400;
const STEPS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1 };
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".wipe");
  let state = states.get(root);
  if (!state) {
    state = { share: data.share, timer: null, held: null, told: null };
    states.set(root, state);
  }
  state.send = (share) => setTriggerValue("moved", share);
  state.names = [data.left, data.right];
  const complete = data.pairs.every((pair) => pair.left !== null);
  if (!complete && state.held !== data.held) { setTriggerValue("left", data.held); return; }
  state.held = data.held;
  fit(root, state, data.pairs.length);
  data.pairs.forEach((pair, i) => show(root.children[i], pair, state.names));
  place(root, state);
  const images = [...root.querySelectorAll("img")];
  Promise.all(images.map((image) => image.decode().catch(() => null)))
    .then(() => {
      document.dispatchEvent(new CustomEvent("blendgan:compared", { detail: { count: data.pairs.length } }));
      requestAnimationFrame(() => tell(parentElement, state, data));
    });
}

// Each move is told once, though two runs answer one that was let go.
function tell(parentElement, state, data) {
  if (data.at === null || state.told === data.number) return;
  state.told = data.number;
  const taken = performance.now() - data.at;
  parentElement.querySelector(".time").textContent = `${taken.toFixed(0)} ms from the move to the picture`;
  document.dispatchEvent(new CustomEvent("blendgan:shown", { detail: { taken, number: data.number, complete: true } }));
}

function fit(root, state, count) {
  while (root.children.length > count) root.lastChild.remove();
  while (root.children.length < count) root.append(build(root, state, root.children.length === 0));
}

function build(root, state, first) {
  const pair = document.createElement("div");
  pair.className = "pair";
  pair.innerHTML = '<img class="under"><img class="over"><span class="side left"></span><span class="side right"></span><div class="line"></div>';
  if (first) pair.append(handle(root, state));
  const at = (event) => {
    const box = pair.getBoundingClientRect();
    move(root, state, (event.clientX - box.left) / box.width);
  };
  pair.addEventListener("pointerdown", (event) => {
    pair.setPointerCapture(event.pointerId);
    root.querySelector(".handle").focus({ preventScroll: true });
    event.preventDefault();
    at(event);
  });
  pair.addEventListener("pointermove", (event) => { if (pair.hasPointerCapture(event.pointerId)) at(event); });
  return pair;
}

function handle(root, state) {
  const knob = document.createElement("div");
  knob.className = "handle";
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 0,
    "aria-valuemax": 100 })) knob.setAttribute(name, value);
  knob.addEventListener("keydown", (event) => {
    const to = event.key === "Home" ? 0 : event.key === "End" ? 1 : state.share + (STEPS[event.key] ?? NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    move(root, state, to);
  });
  return knob;
}

function show(box, pair, names) {
  // The left picture lies over the right one and is cut off at the line.
  set(box.querySelector(".over"), pair.left, `${names[0]}, ${pair.name}`);
  set(box.querySelector(".under"), pair.right, `${names[1]}, ${pair.name}`);
  box.querySelector(".left").textContent = names[0];
  box.querySelector(".right").textContent = names[1];
}

function set(image, picture, alt) {
  image.alt = alt;
  if (picture === null) return;  // as it was
  if (image.dataset.is === picture) return;
  image.dataset.is = picture;
  image.src = `data:image/png;base64,${picture}`;
}

function move(root, state, share) {
  state.share = Math.round(Math.min(1, Math.max(0, share)) * 100) / 100;
  place(root, state);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => state.send(state.share), RESTS_MS);
}

function place(root, state) {
  const percent = Math.round(state.share * 100);
  for (const over of root.querySelectorAll(".over")) over.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
  for (const line of root.querySelectorAll(".line")) line.style.left = `${percent}%`;
  const knob = root.querySelector(".handle");
  if (!knob) return;
  knob.style.left = `${percent}%`;
  knob.setAttribute("aria-label", `Dividing line: ${state.names[0]} to its left, ${state.names[1]} to its right`);
  knob.setAttribute("aria-valuenow", percent);
  knob.setAttribute("aria-valuetext", `${percent} % ${state.names[0]}, ${100 - percent} % ${state.names[1]}`);
}
