// Governs OpenCode: asks the engine before anything happens, and does as it says.
//
// `governance init --host opencode` writes this file, with its settings, into the project;
// `governance uninstall --host opencode` takes it away. It has no dependencies, keeps nothing
// but what the client will ask for again, and refuses whatever the engine did not allow.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";

const SETTINGS = { python: "", hook: "", relay: "", project: "", person: {}, paths: [] };

const ENGINE_MS_MAX = 30_000;
const KILL_MS_MAX = 2_000;
// A service may use up half of a deadline, which is 28 s at most; then others decide.
const SERVICE_MS_MAX = 16_000;
const RELAY_LOSSES_MAX = 3;
const RELAY_PAUSE_MS = 60_000;
const LOOKUP_MS_MAX = 5_000;
const LEAVE_MS_MAX = 25_000;
const PAYLOAD_BYTES_MAX = 16_000_000;
const ANSWER_BYTES_MAX = 4_000_000;
const ERROR_CHARS_MAX = 2_000;
const OUTPUT_CHARS_MAX = 2_000_000;
const SESSIONS_MAX = 1_000;
const CALLS_MAX = 4_000;
const WAITING_MAX = 256;
const RUNNING_MAX = 16;

// A request for a session's own work describes the environment to the model. The client's
// requests for itself (a title, a summary) do not, and nobody is governed by what they say.
const WORK_MARK = "<env>";

const ACTIONS = ["allow", "rewrite", "deny"];
const FIELDS = {
  message: (value) => typeof value === "string" && value !== "",
  note: (value) => typeof value === "string",
  context: (value) => typeof value === "string",
  output: (value) => typeof value === "string",
  args: isTable,
  inject: (value) => isTable(value) && typeof value.text === "string" && value.text !== "",
};

function isTable(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// ---------------------------------------------------------------------------------------
// The engine

// How the engine is reached, and the only place that knows: by the local service where one
// answers, else by a process for this one event, which starts a service for those to come.
async function reach(event, payload) {
  const call = randomBytes(12).toString("hex");
  const { kind, text } = await askService(call, event, payload);
  if (kind === "A") return text;
  // What a service may have taken already counts once: the hook must know it by its name.
  return await askHook(event, payload, kind === "H" ? ["--call", call] : []);
}

function commandOf(script, ...more) {
  const person = Object.entries(SETTINGS.person).flatMap(([name, place]) => [`--${name}`, place]);
  const paths = SETTINGS.paths.flatMap((path) => ["--path", path]);
  const given = ["--dir", SETTINGS.project, ...more, ...person, ...paths];
  return ["-I", "-S", script, "--host", "opencode", ...given];
}

// One process that stays, and asks the service what it is handed: JavaScript cannot see who
// listens at a socket, and an agent might. It ends with this one.
let relay;
let losses = 0;
let restsUntil = 0;

// What the service says: `A` with its answer; `H` where it may have the payload and others
// must decide; `N` where none has heard of it.
function askService(call, event, payload) {
  const body = Buffer.from(`${call}\0${event}\0${payload}`, "utf8");
  const off = !SETTINGS.relay || process.env.GOVERNANCE_SERVICE === "off";
  if (off || body.length > PAYLOAD_BYTES_MAX || Date.now() < restsUntil) return { kind: "N" };
  try {
    relay ??= openRelay();
  } catch {
    return { kind: "N" };
  }
  const { child, calls, lost } = relay;
  return new Promise((resolve) => {
    // The relay does not keep this process from ending, and nothing else may wait for it.
    const late = setTimeout(lost, SERVICE_MS_MAX);
    calls.set(call, (kind, text) => {
      clearTimeout(late);
      calls.delete(call);
      resolve({ kind, text });
    });
    const head = Buffer.alloc(5);
    head.write("Q", 0, "latin1");
    head.writeUInt32BE(body.length, 1);
    child.stdin.write(Buffer.concat([head, body]));
  });
}

function openRelay() {
  const stdio = ["pipe", "pipe", "ignore"];
  const child = spawn(SETTINGS.python, commandOf(SETTINGS.relay), { stdio });
  let held = Buffer.alloc(0);
  const lost = () => {
    if (relay !== made) return;
    relay = undefined;
    losses += 1;
    if (losses >= RELAY_LOSSES_MAX) {
      losses = 0;
      restsUntil = Date.now() + RELAY_PAUSE_MS;
    }
    child.kill("SIGKILL");
    for (const answered of [...made.calls.values()]) answered("H");
  };
  const made = { child, calls: new Map(), lost };
  child.on("error", lost);
  child.on("close", lost);
  child.stdin.on("error", lost);
  child.stdout.on("data", (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 5 && relay === made) {
      const size = held.readUInt32BE(1);
      if (size > ANSWER_BYTES_MAX) return lost();
      if (held.length < 5 + size) return;
      const kind = held.toString("latin1", 0, 1);
      const body = held.subarray(5, 5 + size);
      held = held.subarray(5 + size);
      const end = kind === "A" ? body.indexOf(0) : size;
      const answered = made.calls.get(body.toString("latin1", 0, Math.max(end, 0)));
      if (!"AHN".includes(kind) || end < 0 || !answered) return lost();
      losses = 0;
      answered(kind, kind === "A" ? body.toString("utf8", end + 1) : undefined);
    }
  });
  for (const one of [child, child.stdin, child.stdout]) one.unref?.();
  return made;
}

function closeRelay() {
  if (!relay || relay.calls.size) return;
  const { child } = relay;
  relay = undefined;
  child.stdin.end();
}

function askHook(event, payload, more) {
  return new Promise((resolve, reject) => {
    const given = commandOf(SETTINGS.hook, "--event", event, ...more);
    const child = spawn(SETTINGS.python, given, { stdio: ["pipe", "pipe", "pipe"] });
    let out = [];
    let size = 0;
    let error = "";
    let kill;
    let late = false;
    // Told to stop, the hook still answers; it is killed only where it does not.
    const stop = setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
      kill = setTimeout(() => child.kill("SIGKILL"), KILL_MS_MAX);
    }, ENGINE_MS_MAX);
    const end = () => (clearTimeout(stop), clearTimeout(kill));
    child.on("error", (cause) => {
      end();
      reject(new Error(`\`${SETTINGS.python}\` cannot be started: ${cause.message}`));
    });
    child.stdout.on("data", (chunk) => {
      size += chunk.length;
      if (size <= ANSWER_BYTES_MAX) out.push(chunk);
      else out = [];
    });
    child.stderr.on("data", (chunk) => {
      if (error.length < ERROR_CHARS_MAX) error += chunk.toString("utf8");
    });
    child.on("close", (code, signal) => {
      end();
      if (code === 0 && size <= ANSWER_BYTES_MAX) resolve(Buffer.concat(out).toString("utf8"));
      else if (size > ANSWER_BYTES_MAX) reject(new Error("the engine's answer is too long"));
      else if (late) reject(new Error(`no answer within ${ENGINE_MS_MAX} ms`));
      else reject(new Error(error.slice(0, ERROR_CHARS_MAX) || `it ended with ${signal ?? code}`));
    });
    // A hook that is gone already says so by its end.
    child.stdin.on("error", () => {});
    child.stdin.end(payload);
  });
}

let running = 0;
const waiting = [];

async function engine(event, fields) {
  const payload = JSON.stringify({ hook_event_name: event, ...fields });
  if (running >= RUNNING_MAX) await new Promise((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await reach(event, payload);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

// The answer to `event`, read strictly: what is not understood is no answer.
function read(event, text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error("the engine's answer is no JSON");
  }
  if (!isTable(answer) || answer.governance !== 1 || answer.event !== event) {
    throw new Error("another kind of answer; run `governance init --host opencode` again");
  }
  const { governance: _version, event: _event, action, ...fields } = answer;
  if (!ACTIONS.includes(action)) throw new Error("the engine's answer names no action");
  if (action === "rewrite" && !event.startsWith("tool.execute.")) {
    throw new Error(`nothing can be rewritten at \`${event}\``);
  }
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(FIELDS, name) || !FIELDS[name](value)) {
      throw new Error(`\`${name}\` in the engine's answer is not understood`);
    }
  }
  if (action === "deny" && !answer.message) throw new Error("the engine denies without a reason");
  return answer;
}

// The client's terminal is not ours: what goes wrong where nobody waits stands in the log.
function log(event, cause) {
  try {
    const home = join(SETTINGS.project, ".governance");
    const words = String(cause?.message ?? cause).split(/\s+/).join(" ").slice(0, ERROR_CHARS_MAX);
    const line = `${new Date().toISOString().slice(0, 19)}Z ${event} plugin: ${words}\n`;
    if (existsSync(home)) appendFileSync(join(home, "governance.log"), line, { mode: 0o600 });
  } catch {
    // There is no other place to say it in.
  }
}

function within(milliseconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// The oldest entries of `map` go when it has more than `most`.
function bound(map, most) {
  while (map.size > most) map.delete(map.keys().next().value);
}

// ---------------------------------------------------------------------------------------
// The plugin

async function server({ client, directory }) {
  const run = `${process.pid}-${Date.now().toString(36)}`;
  const sessions = new Map();
  const calls = new Map();
  const permissions = new Map();
  let servers = [];

  // What is known of a session here; its events go to the engine one after the other.
  function session(id) {
    let found = sessions.get(id);
    found ??= {
      id,
      parent: undefined, // not known yet; "" for none
      agent: "",
      begun: false, // it began, or was resumed, in this process
      asked: false, // a prompt of it was let through, so that its text is known here
      text: "", // what each request carries
      told: undefined, // the report of that text, until it was made
      carried: false, // a request has carried it since
      trigger: "", // of the compaction to come
      used: undefined, // tokens and costs of it, until they were handed over
      totals: "", // the newest that the client told of them
      line: Promise.resolve(),
      waits: 0,
    };
    sessions.delete(id);
    sessions.set(id, found);
    bound(sessions, SESSIONS_MAX);
    return found;
  }

  async function parentOf(one) {
    if (one.parent === undefined) {
      const asked = client.session.get({ path: { id: one.id } });
      const { data } = await within(LOOKUP_MS_MAX, asked, "looking the session up");
      if (!data) throw new Error("the client does not know the session");
      one.parent = data.parentID ?? "";
    }
    return one.parent;
  }

  function inLine(one, work) {
    if (one.waits >= WAITING_MAX) return Promise.reject(new Error("too many events wait"));
    one.waits += 1;
    const done = one.line.then(work);
    one.line = done.then(
      () => void (one.waits -= 1),
      () => void (one.waits -= 1),
    );
    return done;
  }

  // Hand `event` of a session to the engine; its answer, or nothing where it gave none.
  function hand(event, one, fields, first = () => {}) {
    // As it is now: other events may be handed over before it is this one's turn.
    const { agent } = one;
    return inLine(one, async () => {
      const parent = await parentOf(one);
      await first();
      const told = one.carried ? one.told : undefined;
      const { used } = one;
      const common = { session_id: one.id, parent_id: parent, agent, cwd: directory, run };
      const text = await engine(event, { ...common, told, used, ...fields() });
      if (told && one.told === told) one.told = undefined;
      if (one.used === used) one.used = undefined;
      const answer = text === "" ? undefined : read(event, text);
      // Whoever waits for this session's line finds the new text there.
      if (answer?.inject || (event === "chat.message" && answer?.action === "allow")) {
        keep(one, answer.inject);
      }
      return answer;
    });
  }

  // Take over what the client counts of the session. It is asked, for it may tell of what an
  // answer used when the next one's calls have begun, or when the turn is over.
  async function count(one) {
    try {
      const asked = client.session.get({ path: { id: one.id } });
      const { data } = await within(LOOKUP_MS_MAX, asked, "looking its costs up");
      const { cost, tokens } = data ?? {};
      const totals = JSON.stringify([cost, tokens]);
      if (!(cost || counts(tokens)) || totals === one.totals) return;
      one.totals = totals;
      one.used = { ...one.used, cost, tokens };
    } catch (cause) {
      log("session.get", cause);
    }
  }

  // Leave for `event`: the answer that allows it. Throws the reason where there is none.
  async function leave(event, one, fields) {
    let answer;
    try {
      answer = await hand(event, one, fields);
      if (!answer) throw new Error("the engine gave no answer");
    } catch (cause) {
      log(event, cause);
      throw new Error(`governance cannot decide, so this is refused: ${cause.message}`);
    }
    if (answer.action === "deny") throw new Error(answer.message);
    return answer;
  }

  // Report `event`, which has happened; the answer, or nothing.
  async function tell(event, one, fields, first) {
    try {
      return await hand(event, one, fields, first);
    } catch (cause) {
      log(event, cause);
      return undefined;
    }
  }

  function keep(one, inject) {
    one.text = inject?.text ?? "";
    one.told = inject?.told;
    one.carried = false;
  }

  const nameOf = (sessionID, callID) => `${sessionID}/${callID}`;

  const happened = {
    "session.created"(one, { info }) {
      one.parent = info?.parentID ?? "";
      one.agent = info?.agent ?? "";
      one.begun = true;
      return tell("session.created", one, () => ({ input: { info: { model: info?.model } } }));
    },
    async "session.deleted"(one, { info }) {
      one.parent ??= info?.parentID ?? "";
      await tell("session.deleted", one, () => ({}));
      sessions.delete(one.id);
    },
    "session.idle": (one) => tell("session.idle", one, () => ({}), () => count(one)),
    "session.error": (one, { error }) => tell("session.error", one, () => ({ input: { error } })),
    "session.compacted": (one) => tell("session.compacted", one, () => ({ trigger: one.trigger })),
    // What was used goes with the session's next event: this comes far too often to tell each.
    "message.updated"(one, { info }) {
      // A summary was made of the context that it takes the place of.
      if (info?.role !== "assistant" || info.summary || !counts(info.tokens)) return;
      one.used = { ...one.used, context: info.tokens };
    },
    async "message.part.updated"(one, { part }) {
      if (part?.type === "compaction") one.trigger = part.auto ? "auto" : "manual";
      if (part?.type !== "tool" || part.state?.status !== "error") return;
      // Only what was asked about and has no outcome yet.
      const call = calls.get(nameOf(one.id, part.callID));
      if (!call) return;
      calls.delete(nameOf(one.id, part.callID));
      const input = { tool: part.tool, callID: part.callID, args: part.state.input ?? {} };
      const error = String(part.state.error ?? "").slice(0, OUTPUT_CHARS_MAX);
      const denied = call.denied === true;
      await tell("message.part.updated", one, () => ({ input, error, denied, servers }));
    },
    "permission.asked"(one, { id, permission, patterns, tool }) {
      permissions.set(id, tool?.callID ?? "");
      bound(permissions, CALLS_MAX);
      const input = { id, permission, patterns, callID: tool?.callID };
      return tell("permission.asked", one, () => ({ input }));
    },
    "permission.replied"(one, { requestID, reply }) {
      const input = { id: requestID, reply, callID: permissions.get(requestID) };
      permissions.delete(requestID);
      return tell("permission.replied", one, () => ({ input }));
    },
  };

  return {
    async config(config) {
      servers = Object.keys(config?.mcp ?? {});
    },

    async event({ event }) {
      const id = event?.properties?.sessionID;
      if (!Object.hasOwn(happened, event?.type) || typeof id !== "string") return;
      try {
        await happened[event.type](session(id), event.properties);
      } catch (cause) {
        log(event.type, cause);
      }
    },

    async "chat.message"(input, output) {
      const one = session(input.sessionID);
      one.agent = output.message?.agent ?? input.agent ?? one.agent;
      const said = (output.parts ?? []).filter((part) => !part.synthetic);
      const words = said.map((part) => (part.type === "subtask" ? part.prompt : part.text));
      const prompt = words.filter((text) => typeof text === "string").join("\n");
      const resumed = !one.begun;
      await leave("chat.message", one, () => ({
        prompt,
        resumed,
        output: { id: output.message?.id },
      }));
      one.begun = true;
      one.asked = true;
    },

    async "command.execute.before"(input) {
      const { command, arguments: given } = input;
      const fields = () => ({ input: { command, arguments: given } });
      await leave("command.execute.before", session(input.sessionID), fields);
    },

    async "tool.execute.before"(input, output) {
      const one = session(input.sessionID);
      const { tool, callID } = input;
      const args = output.args;
      const fields = () => ({ servers, input: { tool, callID }, output: { args } });
      // A patch is many calls: when one of them is denied, the others will not run either.
      if (tool === "apply_patch") calls.set(nameOf(one.id, callID), { denied: true });
      const answer = await leave("tool.execute.before", one, fields);
      if (answer.action === "rewrite") {
        if (!answer.args || !isTable(args)) throw new Error("governance cannot rewrite this call");
        // The client runs this very object: another one in its place would change nothing.
        const gone = Object.keys(args).filter((name) => !Object.hasOwn(answer.args, name));
        for (const name of gone) delete args[name];
        Object.assign(args, answer.args);
      }
      calls.set(nameOf(one.id, callID), { note: answer.note });
      bound(calls, CALLS_MAX);
    },

    async "tool.execute.after"(input, output) {
      if (!output) return;
      const one = session(input.sessionID);
      const { tool, callID, args } = input;
      const before = calls.get(nameOf(one.id, callID))?.note;
      calls.delete(nameOf(one.id, callID));
      const said = { output: output.output, metadata: {} };
      if (typeof said.output === "string") said.output = said.output.slice(0, OUTPUT_CHARS_MAX);
      if (Array.isArray(output.content)) {
        said.content = output.content.filter((part) => part?.type === "text");
      }
      for (const name of ["exit", "sessionId"]) said.metadata[name] = output.metadata?.[name];
      const fields = () => ({ servers, input: { tool, callID, args }, output: said });
      const answer = await tell("tool.execute.after", one, fields);
      if (answer?.action === "rewrite") replace(output, answer.output);
      append(output, [before, answer?.note].filter(Boolean).join("\n"));
    },

    async "shell.env"(input, output) {
      // By this a hook knows that it was called from an agent's shell, and not by the client.
      if (input.sessionID) output.env.GOVERNANCE_OPENCODE_SESSION = input.sessionID;
    },

    async "experimental.chat.system.transform"(input, output) {
      if (!input.sessionID || !output.system.some((text) => text.includes(WORK_MARK))) return;
      const one = session(input.sessionID);
      await one.line;
      // While the model answers, what the answers before used; the answer's calls wait for it.
      inLine(one, () => count(one)).catch((cause) => log("session.get", cause));
      if (!one.asked) {
        // The turn began in another process, and only that one knew what its model is told.
        await tell("experimental.chat.system.transform", one, () => ({}));
      } else if (one.text) {
        output.system.push(one.text);
        one.carried = true;
      }
    },

    async "experimental.session.compacting"(input, output) {
      const one = session(input.sessionID);
      const event = "experimental.session.compacting";
      const answer = await tell(event, one, () => ({ trigger: one.trigger }));
      if (answer?.context) output.context.push(answer.context);
    },

    async dispose() {
      try {
        const all = [...sessions.values()];
        const lines = Promise.all(all.map((one) => one.line));
        await within(LEAVE_MS_MAX, lines, "what was reported last");
        const named = all
          .filter((one) => one.asked)
          .map((one) => ({ session_id: one.id, parent_id: one.parent, agent: one.agent }));
        if (named.length) await engine("dispose", { run, sessions: named });
      } catch (cause) {
        log("dispose", cause);
      }
      closeRelay();
    },
  };
}

function counts(tokens) {
  return isTable(tokens) && [tokens.input, tokens.output, tokens.cache?.read].some((one) => one > 0);
}

function replace(output, text) {
  if (Array.isArray(output.content)) output.content = [{ type: "text", text }];
  else output.output = text;
}

function append(output, text) {
  if (!text) return;
  if (Array.isArray(output.content)) output.content.push({ type: "text", text });
  else output.output = output.output ? `${output.output}\n\n${text}` : text;
}

export default { id: "session-governance", server };
