import { equal } from "./check.js";
import { Conversation } from "/static/conversation.js";

const said = (role, text, final) => ({ type: "transcript", role, text, final });
const clear = { type: "clear" };
const texts = (conversation) =>
  conversation.items.map(({ kind, role, text, open }) =>
    kind === "bubble" ? `${role}${open ? "…" : ""}: ${text}` : kind,
  );

function after(...messages) {
  const conversation = new Conversation();
  for (const message of messages) conversation.receive(message);
  return conversation;
}

export const tests = {
  "cumulative words replace the open bubble, a final closes it"() {
    const one = after(said("user", "what", false), said("user", "what time", false));
    equal(texts(one), ["user…: what time"]);
    one.receive(said("user", "What time?", true));
    one.receive(said("user", "Now?", false));
    equal(texts(one), ["user: What time?", "user…: Now?"]);
  },

  "each role has its own open bubble"() {
    const both = after(
      said("user", "a", false),
      said("assistant", "b", false),
      said("user", "a c", false),
      said("assistant", "b d", false),
    );
    equal(texts(both), ["user…: a c", "assistant…: b d"]);
  },

  "an empty final takes the open bubble away"() {
    equal(texts(after(said("user", "hm", false), said("user", "", true))), []);
    equal(texts(after(said("user", "", true), said("user", "", false))), []);
  },

  "what a caller who waits is told is a note, and no words of the bot's answer"() {
    const waits = after(
      { type: "tool_call", id: "c1", name: "look", arguments: {} },
      { type: "filler", text: "One moment." },
      said("assistant", "It is nine.", true),
    );
    equal(texts(waits), ["tool", "note", "assistant: It is nine."]);
    equal(waits.items[1].text, "One moment.");
  },

  "less heard than shown is a cut"() {
    const cut = after(
      said("assistant", "We open at nine and close", false),
      said("assistant", "We open at nine", true),
    );
    equal([cut.items[0].text, cut.items[0].cut], ["We open at nine", true]);
  },

  "a clear is a cut, in mid-sentence and after one"() {
    for (const text of ["We open at", "Hello.", "Hello there, this is the shop."]) {
      const cut = after(said("assistant", text, false), clear, said("assistant", text, true));
      equal(cut.items[0].cut, true, text);
    }
    const late = after(said("assistant", "We", false), clear, said("assistant", "We open at", true));
    equal(late.items[0].cut, true, "two words were heard before the clear, and told after it");
  },

  "what goes on after a clear is not cut by it, but by the next"() {
    const rest = said("assistant", "This call is recorded for training.", true);
    equal(after(said("assistant", "This call", false), clear, rest).items[0].cut, false);
    const again = after(
      said("assistant", "This call", false),
      clear,
      said("assistant", "This call is recorded for", false),
      clear,
      said("assistant", "This call is recorded for", true),
    );
    equal(again.items[0].cut, true);
  },

  "a clear before the first words are shown cuts them, and nothing else"() {
    const words = [said("assistant", "Hello", false), said("assistant", "Hello", true)];
    const [started, stopped] = [{ type: "bot_started" }, { type: "bot_stopped" }];
    equal(after(started, clear, ...words).items[0].cut, true);
    equal(after(started, clear, words[1]).items[0].cut, true, "a final alone");
    equal(after(clear, ...words).items[0].cut, false, "nobody spoke");
    equal(after(started, clear, stopped, started, ...words).items[0].cut, false, "of those nothing was heard");
    const next = after(started, clear, ...words, stopped, started, ...words);
    equal(
      next.items.map((item) => item.cut),
      [true, false],
    );
  },

  "words that the bot gives way in are marked, and no more once that was nothing"() {
    const open = after(said("assistant", "We open", false), { type: "interrupted" });
    equal(open.items[0].cut, true);
    equal(open.receive({ type: "false_interruption" }).length, 1);
    equal(open.items[0].cut, false);
    equal(open.receive({ type: "false_interruption" }), []);
    open.receive(said("assistant", "We open at nine.", true));
    equal([open.items[0].text, open.items[0].cut], ["We open at nine.", false]);
  },

  "what was heard says in the end whether words were cut"() {
    const open = after(said("assistant", "We open", false), { type: "interrupted" });
    open.receive(said("assistant", "We open at nine.", true));
    equal(open.items[0].cut, false, "it went on without a word of it");
    equal(after({ type: "interrupted" }, said("assistant", "We open", false)).items[0].cut, false, "others");
  },

  "a clear cuts no words of the caller"() {
    const both = after(said("assistant", "One", false), said("user", "stop", false), clear, said("user", "stop", true));
    equal(
      both.items.map((item) => item.cut),
      [false, false],
    );
  },

  "what was typed is shown once"() {
    const conversation = new Conversation();
    conversation.type("hello");
    conversation.receive(said("user", "hello", true));
    conversation.receive(said("user", "hello", true));
    equal(texts(conversation), ["user: hello", "user: hello"]);
  },

  "tools are told apart by id, and may report on the way"() {
    const conversation = after(
      { type: "tool_call", id: "1", name: "timer", arguments: "{}" },
      { type: "tool_call", id: "2", name: "timer", arguments: "{}" },
      { type: "tool_result", id: "2", name: "timer", status: "failed", result: "no" },
      { type: "tool_result", id: "1", name: "timer", status: "running", result: "half" },
      { type: "tool_result", id: "3", name: "late", status: "completed", result: "x" },
    );
    equal(
      conversation.items.map(({ name, status, result }) => [name, status, result]),
      [
        ["timer", "running", "half"],
        ["timer", "failed", "no"],
        ["late", "completed", "x"],
      ],
    );
  },

  "latencies stand below the words they are measured from"() {
    const turn = { type: "turn", first_audio_ms: 400 };
    const conversation = after(said("user", "a", true), said("assistant", "b", false), said("user", "c", false), turn);
    equal(texts(conversation), ["user: a", "turn", "assistant…: b", "user…: c"]);
    conversation.receive(turn);
    equal(texts(conversation).at(-1), "turn", "a second one goes to the end");
  },

  "at the end nothing is open and nothing runs"() {
    const conversation = after(said("assistant", "I was", false), {
      type: "tool_call",
      id: "1",
      name: "t",
      arguments: "{}",
    });
    conversation.finish();
    equal(
      conversation.items.map(({ open, status }) => open ?? status),
      [false, "unknown"],
    );
  },

  "messages that it does not know are ignored"() {
    equal(texts(after({ type: "news" }, said("narrator", "x", true), { type: "ready" })), []);
  },

  "the page forgets the oldest"() {
    const conversation = new Conversation();
    const changes = Array.from({ length: 401 }, (_, i) => conversation.receive(said("user", `${i}`, true))).flat();
    equal([conversation.items.length, conversation.items[0].text], [400, "1"]);
    equal(
      changes.filter(({ op }) => op === "remove").map(({ item }) => item.text),
      ["0"],
    );
  },
};
