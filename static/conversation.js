// The conversation as a list of items, from the server's messages. Pure.
//
// An item is a plain object with an `id` and a `kind`: "bubble" {role, text, open, cut, typed}, "tool" {name,
// arguments, status, result}, "turn" {turn} (the latencies of the turn before it) or "note" {text}.
// Each method returns the changes that it made, for the view: {op: "add" | "change" | "remove", item, after}, where
// `after` is the id of the item that an added one follows (null: it is the first).

const CAPACITY = 400; // items; the oldest leave the page
const TYPED_CAPACITY = 8; // a server that never confirms is not waited for
const STILL_HEARD = 2; // words that the server may learn of after its `clear`

export class Conversation {
  #items = [];
  #nextId = 1;
  #open = { user: null, assistant: null };
  #tools = new Map(); // the server's id of a call -> item
  #typed = []; // what was typed and not yet confirmed by the server
  #isSpeaking = false; // the bot
  #cleared = null; // what was shown of the bot's words when a `clear` cut them; null: none did

  get items() {
    return this.#items;
  }

  /** A message from the server. */
  receive(message) {
    switch (message.type) {
      case "transcript":
        if (!(message.role in this.#open)) return [];
        return message.final ? this.#close(message) : this.#update(message);
      case "bot_started":
      case "bot_stopped":
        this.#isSpeaking = message.type === "bot_started";
        if (this.#open.assistant === null) this.#cleared = null;
        return [];
      case "clear":
        this.#cleared = this.#open.assistant?.text ?? (this.#isSpeaking ? "" : null);
        return [];
      case "interrupted":
      case "false_interruption":
        return this.#mark(message.type === "interrupted");
      case "tool_call":
        return this.#toolCall(message);
      case "tool_result":
        return this.#toolResult(message);
      case "filler":
        return this.note(message.text);
      case "turn":
        return this.#turn(message);
      default:
        return [];
    }
  }

  /** What the person typed; the server's own transcript of it, if it sends one, is the same bubble. */
  type(text) {
    const changes = this.#add({ kind: "bubble", role: "user", text, open: false, cut: false, typed: true });
    this.#typed = [...this.#typed, changes[0].item].slice(-TYPED_CAPACITY);
    return changes;
  }

  /** A line between the bubbles. */
  note(text) {
    return this.#add({ kind: "note", text });
  }

  /** The call is over: nothing stays open, nothing stays running. */
  finish() {
    const changes = [];
    for (const role of ["user", "assistant"]) {
      const item = this.#open[role];
      if (item) changes.push(...this.#close({ role, text: item.text }));
    }
    for (const item of this.#tools.values()) {
      if (item.status === "running") changes.push(this.#change(item, { status: "unknown" }));
    }
    this.#tools.clear();
    this.#typed = [];
    return changes;
  }

  #update({ role, text }) {
    const item = this.#open[role];
    if (item) return item.text === text ? [] : [this.#change(item, { text })];
    if (text === "") return [];
    const changes = this.#add({ kind: "bubble", role, text, open: true, cut: false, typed: false });
    this.#open[role] = changes[0].item;
    return changes;
  }

  #close({ role, text }) {
    const item = this.#open[role];
    this.#open[role] = null;
    const cut = role === "assistant" && this.#wasCut(item?.text ?? "", text);
    if (role === "assistant") this.#cleared = null;
    if (item === null) return this.#closed(role, text, cut);
    if (text === "") return [this.#remove(item)];
    return [this.#change(item, { text, open: false, cut })];
  }

  #closed(role, text, cut) {
    if (text === "") return [];
    if (role === "user" && this.#confirmTyped(text)) return [];
    return this.#add({ kind: "bubble", role, text, open: false, cut, typed: false });
  }

  #confirmTyped(text) {
    const index = this.#typed.findIndex((item) => item.text === text);
    if (index >= 0) this.#typed.splice(index, 1);
    return index >= 0;
  }

  // While the bot's words are open the server says whether they are cut; what was heard of them says it in the end.
  #mark(cut) {
    const item = this.#open.assistant;
    return item === null || item.cut === cut ? [] : [this.#change(item, { cut })];
  }

  // Less was heard than shown, or the sound was cleared, also at the end of a sentence: more was to come. Only where
  // it went on after the `clear`, since it was protected or the noise was nothing, the rest was heard too.
  #wasCut(shown, heard) {
    if (heard.length < shown.length) return true;
    return this.#cleared !== null && wordsIn(heard) - wordsIn(this.#cleared) <= STILL_HEARD;
  }

  #toolCall({ id, name, arguments: args }) {
    const changes = this.#add({ kind: "tool", name, arguments: args, status: "running", result: null });
    this.#tools.set(id, changes[0].item);
    return changes;
  }

  #toolResult({ id, name, status, result }) {
    const known = this.#tools.get(id);
    if (known) return [this.#change(known, { status, result })];
    const changes = this.#add({ kind: "tool", name, arguments: null, status, result });
    this.#tools.set(id, changes[0].item);
    return changes;
  }

  // The latencies stand below the words that they were measured from.
  #turn(turn) {
    const index = this.#items.findLastIndex((item) => item.role === "user" && !item.open);
    const taken = this.#items[index + 1]?.kind === "turn";
    return this.#add({ kind: "turn", turn }, index < 0 || taken ? this.#items.length : index + 1);
  }

  #add(fields, index = this.#items.length) {
    const item = { id: this.#nextId, ...fields };
    this.#nextId += 1;
    this.#items.splice(index, 0, item);
    const changes = [{ op: "add", item, after: this.#items[index - 1]?.id ?? null }];
    if (this.#items.length > CAPACITY) changes.push(this.#forgetOldest());
    return changes;
  }

  #forgetOldest() {
    const item = this.#items.shift();
    for (const [id, tool] of this.#tools) if (tool === item) this.#tools.delete(id);
    return { op: "remove", item };
  }

  #change(item, fields) {
    Object.assign(item, fields);
    return { op: "change", item };
  }

  #remove(item) {
    this.#items.splice(this.#items.indexOf(item), 1);
    return { op: "remove", item };
  }
}

function wordsIn(text) {
  return text.split(/\s+/u).filter(Boolean).length;
}
