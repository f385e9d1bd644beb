// One plotly figure, redrawn in place, with an optional line on x that is dragged or moved by keys.
// The line is drawn here, over the plot, so that it follows the pointer without a word to Python.

const SEND_EVERY_MS = 40;
const NARROW = 560; // pixels
const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false, scrollZoom: false };
let loading;

/** plotly.js: asked for by the page's head; where there is no such page (JupyterLab), the kernel sends it. */
function plotly(model) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  const asked = document.getElementById("plotly-bundle");
  loading ??= new Promise((resolve, reject) => {
    const done = (script) => {
      script.addEventListener("load", () => resolve(window.Plotly));
      script.addEventListener("error", () => reject(new Error("plotly.js did not load")));
    };
    if (asked) return done(asked);
    const received = (message, buffers) => {
      if (message.kind !== "plotly") return;
      model.off("msg:custom", received);
      const script = document.createElement("script");
      script.src = URL.createObjectURL(new Blob(buffers, { type: "text/javascript" }));
      done(script);
      document.head.append(script);
    };
    model.on("msg:custom", received);
    model.send({ kind: "plotly" });
  });
  return loading;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const nearest = (steps, value) => steps.reduce((a, b) => (Math.abs(b - value) < Math.abs(a - value) ? b : a));

/** Lines of at most so many letters, as plotly takes them: its text may hold marks, ours never does. */
function title(text, letters) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length > letters) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) && " ") + word;
  }
  return lines.map((line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
}

function render({ model, el }) {
  el.classList.add("wb-figure");
  const plot = el.appendChild(document.createElement("div"));
  plot.className = "wb-figure-plot";
  const grip = el.appendChild(document.createElement("div"));
  grip.className = "wb-figure-line";
  grip.hidden = true;
  grip.tabIndex = 0;
  grip.setAttribute("role", "slider");
  grip.setAttribute("aria-orientation", "horizontal");
  const label = grip.appendChild(document.createElement("span"));
  label.className = "wb-figure-label";

  let Plotly;
  let value = model.get("line");
  let dragging = false;
  let sent = 0;
  let timer;
  let drawn = Promise.resolve();

  const axis = () => plot._fullLayout?.xaxis;
  const steps = () => model.get("line_steps") ?? [];

  function snap(x) {
    if (steps().length) return nearest(steps(), x);
    const [low, high] = [...axis().range].sort((a, b) => a - b);
    return Number(clamp(x, low, high).toPrecision(6));
  }

  function place() {
    const x = axis();
    grip.hidden = !x || value === null || value === undefined;
    if (grip.hidden) return;
    const y = plot._fullLayout.yaxis;
    const at = clamp(x.l2p(value + model.get("line_offset")), 0, x._length);
    grip.style.left = `${x._offset + at}px`;
    grip.style.top = `${y._offset}px`;
    grip.style.height = `${y._length}px`;
    const text = model.get("line_label").replaceAll("{}", value.toLocaleString("en", { maximumFractionDigits: 2 }));
    label.textContent = text;
    grip.classList.toggle("wb-left", at + 16 + label.offsetWidth > plot.clientWidth - x._offset);
    const all = steps();
    grip.setAttribute("aria-label", model.get("line_name"));
    grip.setAttribute("aria-valuemin", all.length ? all[0] : Math.min(...x.range));
    grip.setAttribute("aria-valuemax", all.length ? all[all.length - 1] : Math.max(...x.range));
    grip.setAttribute("aria-valuenow", value);
    grip.setAttribute("aria-valuetext", text || String(value));
  }

  function send() {
    clearTimeout(timer);
    timer = undefined;
    sent = performance.now();
    if (model.get("line") === value) return;
    model.set("line", value);
    model.save_changes();
  }

  function move(next) {
    if (next === value) return;
    value = next;
    place();
    timer ??= setTimeout(send, Math.max(0, SEND_EVERY_MS - (performance.now() - sent)));
  }

  const at = (event) => axis().p2l(event.clientX - plot.getBoundingClientRect().left - axis()._offset) - model.get("line_offset");

  grip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    grip.focus({ preventScroll: true });
    grip.setPointerCapture(event.pointerId);
    dragging = true;
    grip.classList.add("wb-dragging");
  });
  grip.addEventListener("pointermove", (event) => dragging && move(snap(at(event))));
  for (const end of ["pointerup", "pointercancel"]) {
    grip.addEventListener(end, () => {
      if (!dragging) return;
      dragging = false;
      grip.classList.remove("wb-dragging");
      send();
    });
  }
  grip.addEventListener("keydown", (event) => {
    const all = steps().length ? steps() : undefined;
    const range = [...axis().range].sort((a, b) => a - b);
    const stride = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    let next;
    if (event.key === "Home") next = all ? all[0] : range[0];
    else if (event.key === "End") next = all ? all[all.length - 1] : range[1];
    else if (stride === undefined) return;
    else if (all) next = all[clamp(all.indexOf(nearest(all, value)) + stride, 0, all.length - 1)];
    else next = snap(value + (stride * (range[1] - range[0])) / 100);
    event.preventDefault();
    move(next);
  });

  /** The figure for the room there is, and its height. */
  function chosen() {
    const narrow = model.get("narrow");
    const slim = narrow.data && plot.clientWidth && plot.clientWidth < NARROW;
    return slim ? [narrow, narrow.layout.height] : [model.get("spec"), model.get("height")];
  }

  async function draw() {
    const [spec, height] = chosen();
    if (!spec.data) return;
    Plotly ??= await plotly(model);
    const layout = { ...spec.layout, autosize: false, width: Math.max(plot.clientWidth, 120), height };
    size();
    await Plotly.react(plot, spec.data, layout, CONFIG);
    if (!plot.dataset.drawn) {
      plot.dataset.drawn = "true";
      performance.mark("wb-figure-drawn");
      plot.on("plotly_click", ({ points }) => {
        const [point] = points;
        model.set("clicked", { trace: point.curveNumber, point: point.pointNumber, x: point.x ?? null, y: point.y ?? null });
        model.save_changes();
      });
    }
    place();
  }

  /** The browser saves the chart under what it shows, with the line where it stands. */
  async function save(format) {
    const [spec, height] = chosen();
    if (!spec.data || !Plotly) return;
    const width = Math.max(plot.clientWidth, 320);
    const lines = title(model.get("description"), Math.floor((width - 80) / 8));
    const room = 14 + 20 * lines.length;
    const layout = { margin: {}, ...spec.layout, width, height: height + room, paper_bgcolor: "#fff" };
    layout.margin = { ...layout.margin, t: (layout.margin.t ?? 30) + room };
    const above = { y: 1, yref: "paper", yanchor: "bottom", showarrow: false };
    const told = { ...above, text: lines.join("<br>"), x: 0, xref: "paper", xanchor: "left", align: "left", yshift: layout.margin.t - room - 4, font: { size: 15 } };
    layout.annotations = [...(layout.annotations ?? []), told];
    if (!grip.hidden) {
      const x = value + model.get("line_offset");
      const shape = { type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: "#1c2733", width: 2 } };
      const text = label.textContent.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
      layout.shapes = [...(layout.shapes ?? []), shape];
      layout.annotations.push({ ...above, x, text });
    }
    const filename = model.get("description").split(":")[0].replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60).replace(/^-|-$/g, "").toLowerCase();
    await Plotly.downloadImage({ data: spec.data, layout }, { format, width, height: layout.height, scale: format === "png" ? 2 : 1, filename });
  }

  const actions = el.appendChild(document.createElement("div"));
  actions.className = "wb-figure-save";
  for (const format of ["svg", "png"]) {
    const button = actions.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.title = `Save this chart as ${format.toUpperCase()}`;
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => save(format).catch((error) => console.error(error)));
  }

  // One drawing at a time: what arrives meanwhile is drawn once, as it is then.
  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    drawn = drawn.then(() => {
      waiting = false;
      return draw();
    });
    drawn = drawn.catch((error) => console.error(error));
  }

  function size() {
    plot.style.height = `${chosen()[1]}px`;
  }
  function describe() {
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", model.get("description"));
  }
  function lineChanged() {
    if (dragging || timer) return;
    value = model.get("line");
    place();
  }

  let width = 0;
  const resize = new ResizeObserver(() => {
    if (plot.clientWidth === width) return;
    width = plot.clientWidth;
    redraw();
  });

  size();
  describe();
  resize.observe(plot);
  const listeners = {
    "change:spec": redraw,
    "change:narrow": redraw,
    "change:height": () => (size(), redraw()),
    "change:description": describe,
    "change:line": lineChanged,
    "change:line_steps": place,
    "change:line_label": place,
    "change:line_offset": place,
    "change:line_name": place,
  };
  for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
  redraw();

  return () => {
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
    resize.disconnect();
    clearTimeout(timer);
    if (Plotly) Plotly.purge(plot);
  };
}

export default { render };
