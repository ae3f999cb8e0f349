// Rows of faces. Pictures that did not change stay; the time from the event to the picture is this clock's own.
const STILL_MS = 60;  // without a new picture for so long, the rest of a coarse one is asked for
const waits = new WeakMap(), moves = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const faces = parentElement.querySelector(".faces");
  clearTimeout(waits.get(faces));
  for (const gone of faces.querySelectorAll("section")) {
    if (!data.rows.some((row) => row.name === gone.dataset.name)) gone.remove();
  }
  faces.classList.toggle("single", data.rows.every((row) => row.alts.length === 1));
  data.rows.forEach((row, place) => fill(sectionOf(faces, row.name, place), row));
  const images = [...faces.querySelectorAll("img")];
  Promise.all(images.map((image) => image.decode().catch(() => null))).then(() => requestAnimationFrame(() => {
    tell(parentElement, faces, data);
    if (!data.complete) waits.set(faces, setTimeout(() => ask(setTriggerValue, data.number), STILL_MS));
  }));
}

function ask(setTriggerValue, number) {
  const newest = Number(document.documentElement.dataset.blendganMove ?? 0);
  if (number === null || number >= newest) setTriggerValue("more", number ?? 0);
}

function sectionOf(faces, name, place) {
  let section = [...faces.children].find((child) => child.dataset.name === name);
  if (!section) {
    section = document.createElement("section");
    section.dataset.name = name;
    section.append(document.createElement("p"), document.createElement("div"));
    section.firstChild.className = "name";
    section.firstChild.textContent = name;
    section.lastChild.className = "row";
  }
  if (faces.children[place] !== section) faces.insertBefore(section, faces.children[place] ?? null);
  return section;
}

function fill(section, row) {
  if (row.pictures === null) return;
  const line = section.lastChild;
  line.style.setProperty("--count", row.pictures.length);
  while (line.children.length > row.pictures.length) line.lastChild.remove();
  while (line.children.length < row.pictures.length) line.append(document.createElement("img"));
  row.pictures.forEach((picture, i) => {
    const image = line.children[i], source = `data:image/png;base64,${picture}`;
    image.alt = row.alts[i];
    if (image.getAttribute("src") !== source) image.src = source;
  });
}

// Each move is told once, though two runs answer one that was let go; a coarse picture is, and its whole one after it.
function tell(parentElement, faces, data) {
  let move = moves.get(faces);
  if (data.at !== null && move?.number !== data.number) move = { at: data.at, number: data.number, first: null, told: false };
  if (!move || move.told || (!data.complete && move.first !== null)) return;
  const taken = performance.now() - move.at;
  const before = move.first === null ? "" : `${move.first.toFixed(0)} ms to a first picture, `;
  const what = data.complete ? "the picture" : "a first picture";
  parentElement.querySelector(".time").textContent = `${before}${taken.toFixed(0)} ms from the move to ${what}`;
  moves.set(faces, { ...move, first: taken, told: data.complete });
  const detail = { taken, number: move.number, complete: data.complete };
  document.dispatchEvent(new CustomEvent("blendgan:shown", { detail }));
}
