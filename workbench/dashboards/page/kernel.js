// The wire to the kernel: comms over Jupyter's websocket protocol v1, nothing else. The server lets no other message pass.

const PROTOCOL = "v1.kernel.websocket.jupyter.org";
const RETRIES = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function pack(message, buffers) {
  const parts = [
    "shell",
    ...[message.header, message.parent_header, message.metadata, message.content].map((part) => JSON.stringify(part)),
  ].map((part) => encoder.encode(part));
  for (const buffer of buffers) parts.push(ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer));
  const count = parts.length + 1;
  const offsets = [8 * (count + 1)];
  for (const part of parts) offsets.push(offsets.at(-1) + part.byteLength);
  const bytes = new Uint8Array(offsets.at(-1));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(count), true);
  offsets.forEach((offset, i) => view.setBigUint64(8 * (i + 1), BigInt(offset), true));
  parts.forEach((part, i) => bytes.set(part, offsets[i]));
  return bytes;
}

function unpack(data) {
  const view = new DataView(data);
  const count = Number(view.getBigUint64(0, true));
  const offsets = Array.from({ length: count }, (_, i) => Number(view.getBigUint64(8 * (i + 1), true)));
  const json = (i) => JSON.parse(decoder.decode(data.slice(offsets[i], offsets[i + 1])));
  const buffers = [];
  for (let i = 5; i < count - 1; i++) buffers.push(new DataView(data.slice(offsets[i], offsets[i + 1])));
  return { header: json(1), parent_header: json(2), metadata: json(3), content: json(4), buffers };
}

/** One comm, with the interface that ipywidgets' models expect. */
class Comm {
  constructor(kernel, target, id) {
    this.kernel = kernel;
    this.target_name = target;
    this.comm_id = id;
    this.listeners = { msg: [], close: [] };
    kernel.comms.set(id, this);
  }
  open(data, callbacks, metadata, buffers) {
    const content = { comm_id: this.comm_id, target_name: this.target_name, data: data ?? {} };
    return this.kernel.send("comm_open", content, callbacks, metadata, buffers);
  }
  send(data, callbacks, metadata, buffers) {
    return this.kernel.send("comm_msg", { comm_id: this.comm_id, data }, callbacks, metadata, buffers);
  }
  close(data, callbacks, metadata, buffers) {
    this.kernel.comms.delete(this.comm_id);
    return this.kernel.send("comm_close", { comm_id: this.comm_id, data: data ?? {} }, callbacks, metadata, buffers);
  }
  on_msg(listener) {
    this.listeners.msg.push(listener);
  }
  on_close(listener) {
    this.listeners.close.push(listener);
  }
}

export class Kernel {
  /**
   * `onLost` when the kernel or the way to it is gone, `onAgain` when the way was mended, `onFault(sentence)` when a control's
   * handler failed in Python (and with "" when the next message goes out), `onBusy(yes)` while the kernel works.
   */
  constructor(url, { onLost, onAgain, onFault, onBusy, onOpenComm }) {
    this.session = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
    this.url = url;
    Object.assign(this, { onLost, onAgain, onFault, onBusy, onOpenComm });
    this.comms = new Map();
    this.callbacks = new Map();
    this.queue = [];
    this.count = 0;
    this.failures = 0;
    this.later = [];
  }

  /** From now on only `comm` is heard, until `hearAll()`: what comes meanwhile may speak of widgets that the page does not know yet. */
  hearOnly(comm) {
    this.only = comm;
    this.later = [];
  }
  /** Deliver what came since `comm` spoke; states that came before are part of what it said. */
  hearAll() {
    this.only = undefined;
    for (const message of this.later.splice(0)) this.receive(message);
  }

  comm(target, id) {
    return new Comm(this, target, id);
  }

  connect() {
    return new Promise((resolve) => {
      const again = this.failures > 0;
      const socket = new WebSocket(`${this.url}?session_id=${this.session}`, PROTOCOL);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.failures = 0;
        this.socket = socket;
        resolve();
        for (const bytes of this.queue.splice(0)) socket.send(bytes);
        if (again) this.onAgain();
      };
      socket.onmessage = ({ data }) => this.receive(unpack(data));
      socket.onclose = () => {
        this.socket = undefined;
        if (this.closed) return;
        if (++this.failures > RETRIES) this.lose();
        else setTimeout(() => this.connect().then(resolve), 250 * 2 ** this.failures);
      };
    });
  }

  lose() {
    this.close();
    this.onLost();
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }

  send(type, content, callbacks, metadata, buffers) {
    const id = `${this.session}-${++this.count}`;
    const header = { msg_id: id, msg_type: type, session: this.session, username: "", version: "5.3", date: new Date().toISOString() };
    if (callbacks) this.callbacks.set(id, callbacks);
    if (!this.closed) this.onFault("");
    const bytes = pack({ header, parent_header: {}, metadata: metadata ?? {}, content }, buffers ?? []);
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(bytes);
    else this.queue.push(bytes);
    return id;
  }

  receive(message) {
    const { content } = message;
    const type = message.header.msg_type;
    const parent = message.parent_header.msg_id;
    if (this.only && type.startsWith("comm_")) {
      if (content.comm_id !== this.only.comm_id) return void this.later.push(message);
      this.later = this.later.filter((held) => held.content.data?.method === "custom");
    }
    if (type === "status") {
      this.callbacks.get(parent)?.iopub?.status?.(message);
      if (content.execution_state === "idle") this.callbacks.delete(parent);
      if (["restarting", "dead"].includes(content.execution_state)) this.lose();
      this.onBusy(content.execution_state === "busy");
    } else if (type === "comm_msg") {
      for (const listener of this.comms.get(content.comm_id)?.listeners.msg ?? []) listener(message);
    } else if (type === "comm_close") {
      for (const listener of this.comms.get(content.comm_id)?.listeners.close ?? []) listener(message);
      this.comms.delete(content.comm_id);
    } else if (type === "comm_open") {
      this.onOpenComm(this.comm(content.target_name, content.comm_id), message);
    } else if (type === "error") {
      this.onFault(content.evalue);
    }
  }
}
