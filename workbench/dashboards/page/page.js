// A page: the widgets that the server drew into it, alive. They are built from the state that came with the page, so that the
// first picture waits for no answer; then the wire to the kernel opens and brings what has changed meanwhile.

import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import download from "../download.js";
import figure from "../figure.js";
import upload from "../upload.js";
import { Kernel } from "./kernel.js";

/** The scripts of our widgets are part of this file: what the kernel sends is data, and no page runs code that it made. */
const SCRIPTS = {
  "workbench.dashboards.figure.FigureView": figure,
  "workbench.dashboards.download.Download": download,
  "workbench.dashboards.upload.Upload": upload,
};
class AnyModel extends base.DOMWidgetModel {}
class AnyView extends base.DOMWidgetView {
  render() {
    super.render();
    this.dispose = SCRIPTS[this.model.get("_anywidget_id")].render({ model: this.model, el: this.el });
  }
  remove() {
    this.dispose?.();
    return super.remove();
  }
}

/** A slider whose handle is called what the slider is called: ipywidgets leaves it without a name. */
const named = (View) =>
  class extends View {
    render() {
      super.render();
      for (const handle of this.el.querySelectorAll(".noUi-handle")) handle.setAttribute("aria-label", this.model.get("description"));
    }
  };

/** A button that stays pressed tells so; one that opens a question tells whether it is open. */
class ToggleButtonView extends controls.ToggleButtonView {
  update(options) {
    super.update(options);
    const told = this.model.get("_dom_classes").includes("wb-opener") ? "aria-expanded" : "aria-pressed";
    this.el.setAttribute(told, this.model.get("value"));
  }
}

const MODULES = {
  "@jupyter-widgets/base": base,
  "@jupyter-widgets/controls": {
    ...controls,
    ToggleButtonView,
    IntSliderView: named(controls.IntSliderView),
    FloatSliderView: named(controls.FloatSliderView),
    SelectionSliderView: named(controls.SelectionSliderView),
  },
  anywidget: { AnyModel, AnyView },
};

class Manager extends ManagerBase {
  constructor(kernel) {
    super();
    this.kernel = kernel;
  }
  async loadClass(name, module) {
    const found = MODULES[module]?.[name];
    if (!found) throw new Error(`this page has no widget ${name} of ${module}`);
    return found;
  }
  async _create_comm(target, id, data, metadata, buffers) {
    const comm = this.kernel.comm(target, id);
    if (data || metadata) comm.open(data, undefined, metadata, buffers);
    return comm;
  }
  async _get_comm_info() {
    return {};
  }
  /** What has changed in the kernel since the page was drawn, or since the way to it was lost; however long it takes. */
  async refresh() {
    const comm = await this._create_comm("jupyter.widget.control", base.uuid(), {}, { version: "1.0.0" });
    this.kernel.hearOnly(comm);
    const answer = await new Promise((resolve) => {
      comm.on_msg(resolve);
      comm.on_close(() => resolve()); // a kernel without a single widget
      comm.send({ method: "request_states" }, {});
    });
    try {
      if (answer) await this.take(answer);
    } finally {
      this.kernel.hearAll();
    }
    if (answer) comm.close();
  }
  /** Widgets as the kernel says they are now. */
  async take(answer) {
    const { buffers } = answer;
    const { states, buffer_paths } = answer.content.data;
    buffer_paths.forEach(([id, ...path], i) => base.put_buffers(states[id], [path], [buffers[i]]));
    await Promise.all(
      Object.entries(states).map(async ([id, { state, ...kind }]) => {
        if (!this.has_model(id)) return this.new_model({ ...kind, model_id: id, comm: this.kernel.comm("jupyter.widget", id) }, state);
        const model = await this.get_model(id);
        return model.set_state(await model.constructor._deserialize_state(state, this));
      }),
    );
  }
  inline_sanitize(source) {
    const text = document.createElement("span");
    text.textContent = source;
    return text.innerHTML;
  }
}

const data = (id) => JSON.parse(document.getElementById(id)?.textContent || "null");

function notice(sentence) {
  const box = document.getElementById("wb-notice");
  box.textContent = sentence;
  box.hidden = !sentence;
}

/** The thin line under the header, once the kernel has been at work for so long that one would wonder. */
let wondering;
function busy(yes) {
  clearTimeout(wondering);
  if (yes) wondering = setTimeout(() => document.documentElement.classList.add("wb-busy"), 300);
  else document.documentElement.classList.remove("wb-busy");
}

/** When a view and all views in it stand on the page. */
async function standing(view) {
  await Promise.all((await Promise.all(view.children_views?.views ?? [])).map(standing));
}

async function start() {
  const config = data("wb-config");
  if (!config) return;
  const url = new URL(`${config.base}api/kernels/${config.kernel}/channels`, location.href);
  url.protocol = url.protocol.replace("http", "ws");

  let manager;
  const kernel = new Kernel(url.href, {
    onLost: () => notice("The connection to the workbench was lost, and what you see may be out of date. Reload the page to go on."),
    onAgain: () => manager.refresh(),
    onFault: notice,
    onBusy: busy,
    onOpenComm: (comm, message) => manager.handle_comm_open(comm, message),
  });
  manager = new Manager(kernel);

  const state = data("wb-state");
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  await Promise.all(
    Object.entries(state).map(([id, { state: model, buffers }]) => {
      base.put_buffers(model, buffers.map((b) => b.path), buffers.map((b) => bytes(b.data)));
      return manager.new_model(
        { model_id: id, model_name: model._model_name, model_module: model._model_module, model_module_version: model._model_module_version, comm: kernel.comm("jupyter.widget", id) },
        model,
      );
    }),
  );
  for (const place of document.querySelectorAll("[data-widget]")) {
    const view = await manager.create_view(await manager.get_model(place.dataset.widget));
    base.JupyterLuminoWidget.attach(view.luminoWidget, place);
    await standing(view);
  }
  document.documentElement.classList.remove("wb-loading");
  const source = document.querySelector(".wb-cells .wb-source");
  if (source) document.getElementById("wb-source").replaceChildren(source);
  performance.mark("wb-ready");

  await kernel.connect();
  await manager.refresh();
  document.documentElement.classList.add("wb-live");
  performance.mark("wb-live");

  addEventListener("pagehide", (event) => {
    if (event.persisted) return;
    kernel.close();
    navigator.sendBeacon(`${config.base}end/${config.kernel}`);
  });
}

start().catch((error) => {
  console.error(error);
  document.documentElement.classList.remove("wb-loading");
  notice("The page could not be drawn. Reload it to try once more.");
});
