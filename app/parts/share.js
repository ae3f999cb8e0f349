// One share between two ends, as a slider that is dragged, touched, or moved by keys.
//
// As in curve.js: what moves is sent at once, and the next only when Python has answered (`data.echo`).
const PATIENCE_MS = 3000;  // after which an answer is taken for lost
const sliders = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const field = parentElement.querySelector("input");
  let slider = sliders.get(field);
  if (!slider) {
    slider = { sent: 0, answered: 0, sentAt: 0, waiting: null, held: false };
    sliders.set(field, slider);
    field.addEventListener("input", () => { slider.held = true; move(parentElement, slider, false); });
    field.addEventListener("change", () => { slider.held = false; move(parentElement, slider, true); });
  }
  slider.ends = data.ends;
  slider.send = (event) => setTriggerValue("moved", event);
  slider.sent = Math.max(slider.sent, data.echo);
  slider.answered = Math.max(slider.answered, data.echo);
  if (slider.waiting && slider.answered >= slider.sent) {
    const next = slider.waiting;
    slider.waiting = null;
    post(slider, next);
  }
  if (!slider.held && !slider.waiting && slider.answered >= slider.sent) field.value = data.alpha;
  parentElement.querySelector(".first").textContent = data.ends[0];
  parentElement.querySelector(".last").textContent = data.ends[1];
  field.setAttribute("aria-label", data.label);
  say(parentElement, slider);
}

function post(slider, event) {
  const lost = performance.now() - slider.sentAt > PATIENCE_MS;
  if (slider.sent > slider.answered && !lost) {
    slider.waiting = event;
    return;
  }
  slider.sent += 1;
  slider.sentAt = performance.now();
  slider.send({ ...event, number: slider.sent });
}

function move(parentElement, slider, final) {
  const alpha = Number(parentElement.querySelector("input").value);
  say(parentElement, slider);
  post(slider, { alphas: [alpha], at: performance.now(), final });
}

function say(parentElement, slider) {
  const field = parentElement.querySelector("input"), alpha = Number(field.value);
  const words = `α ${alpha.toFixed(2)}: ${Math.round(100 - 100 * alpha)} % ${slider.ends[0]}, ${Math.round(100 * alpha)} % ${slider.ends[1]}`;
  parentElement.querySelector("output").textContent = words;
  field.setAttribute("aria-valuetext", words);
}
