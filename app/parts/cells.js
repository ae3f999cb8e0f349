// A sheet as a table of buttons: each cell a picture, filled as they come; a click or Enter chooses its blend.
//
// Python draws for a while and sends what is new; as long as cells are missing, this asks for more.
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const table = parentElement.querySelector("table");
  let state = states.get(table);
  if (!state || state.id !== data.id) {
    state = { id: data.id, have: 0 };
    states.set(table, state);
    build(table, data);
  }
  state.choose = (place) => setTriggerValue("chosen", { id: data.id, place });
  for (const button of table.querySelectorAll("button")) button.onclick = () => state.choose(Number(button.dataset.place));
  for (const [place, picture] of data.cells) fill(table, place, picture);
  state.have = Math.max(state.have, data.drawn);
  document.dispatchEvent(new CustomEvent("blendgan:sheet", { detail: { have: state.have, total: data.total } }));
  if (data.drawn < data.total) setTriggerValue("more", { id: data.id, have: state.have });
}

function build(table, data) {
  const heads = data.columns.map((caption) => cell("th", caption, "col"));
  const corner = document.createElement("td");
  const top = document.createElement("tr");
  top.append(corner, ...heads);
  table.querySelector("thead").replaceChildren(top);
  table.style.setProperty("--columns", data.columns.length);
  const rows = data.rows.map((caption, y) => {
    const row = document.createElement("tr");
    row.append(cell("th", caption, "row"), ...data.columns.map((column, x) => button(table, data, y, x)));
    return row;
  });
  table.querySelector("tbody").replaceChildren(...rows);
}

function cell(tag, text, scope) {
  const node = document.createElement(tag);
  node.scope = scope;
  node.textContent = text;
  return node;
}

function button(table, data, y, x) {
  const place = y * data.columns.length + x;
  const box = document.createElement("td"), node = document.createElement("button"), empty = document.createElement("span");
  node.dataset.place = place;
  node.disabled = true;
  node.dataset.alt = `${data.rows[y]}, ${data.columns[x]}`;
  node.setAttribute("aria-label", `${node.dataset.alt}: not drawn yet`);
  empty.className = "empty";
  node.append(empty);
  node.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    const to = table.querySelectorAll("tbody tr")[y + step[0]]?.querySelectorAll("button")[x + step[1]];
    if (to) to.focus();
  });
  box.append(node);
  return box;
}

function fill(table, place, picture) {
  const node = table.querySelector(`button[data-place="${place}"]`);
  if (!node || !node.disabled) return;
  const image = document.createElement("img");
  image.alt = node.dataset.alt;
  image.src = `data:image/png;base64,${picture}`;
  node.replaceChildren(image);
  node.disabled = false;
  node.title = "Take this blend to Explore";
  node.setAttribute("aria-label", `${node.dataset.alt}: take this blend to Explore`);
}
